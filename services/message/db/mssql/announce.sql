-- Writes the feed entries of read markers that are due, up to @limit, and answers how many were. Of several processes
-- that look at once one finds each: it is taken under the lock of the room, as markers are moved.
CREATE OR ALTER PROCEDURE message.announce_reads
  @limit int,
  @now bigint
AS
BEGIN
  SET NOCOUNT ON;
  SET XACT_ABORT ON;
  DECLARE @found TABLE (n int NOT NULL PRIMARY KEY, user_no int NOT NULL, room_no int NOT NULL);
  DECLARE @room TABLE (n int NOT NULL PRIMARY KEY, room_id binary(16) NOT NULL);
  DECLARE @person TABLE (n int NOT NULL PRIMARY KEY, user_id binary(16) NOT NULL);
  DECLARE @feed_end TABLE (user_id binary(16) NOT NULL PRIMARY KEY, feed_seq bigint NOT NULL);
  DECLARE @n int, @found_count int, @count int, @id binary(16), @user_no int, @room_no int, @read_seq bigint;

  INSERT INTO @found (n, user_no, room_no)
  SELECT ROW_NUMBER() OVER (ORDER BY due.due_at, due.user_no, due.room_no), due.user_no, due.room_no
  FROM (
    SELECT TOP (@limit) user_no, room_no, due_at FROM message.feed_due
    WHERE due_at <= @now ORDER BY due_at, user_no, room_no
  ) AS due;
  SELECT @found_count = COUNT(*) FROM @found;
  SELECT @found_count AS announced;
  IF @found_count = 0 RETURN;
  INSERT INTO @room (n, room_id)
  SELECT ROW_NUMBER() OVER (ORDER BY room_id), room_id
  FROM message.room WHERE room_no IN (SELECT room_no FROM @found);
  INSERT INTO @person (n, user_id)
  SELECT ROW_NUMBER() OVER (ORDER BY user_id), user_id
  FROM message.person WHERE user_no IN (SELECT user_no FROM @found);
  BEGIN TRANSACTION;

  SELECT @n = 1, @count = COUNT(*) FROM @room;
  WHILE @n <= @count
  BEGIN
    SELECT @id = room_id FROM @room WHERE n = @n;
    UPDATE message.room SET head_seq = head_seq WHERE room_id = @id;
    SET @n = @n + 1;
  END
  SELECT @n = 1, @count = COUNT(*) FROM @person;
  WHILE @n <= @count
  BEGIN
    SELECT @id = user_id FROM @person WHERE n = @n;
    EXEC message.lock_person @user_id = @id;
    SET @n = @n + 1;
  END
  INSERT INTO @feed_end (user_id, feed_seq)
  SELECT person.user_id, person.feed_seq
  FROM @person AS locked JOIN message.person AS person ON person.user_id = locked.user_id;

  SET @n = 1;
  WHILE @n <= @found_count
  BEGIN
    SELECT @user_no = user_no, @room_no = room_no FROM @found WHERE n = @n;
    DELETE FROM message.feed_due WHERE user_no = @user_no AND room_no = @room_no AND due_at <= @now;
    IF @@ROWCOUNT = 1
    BEGIN
      -- Who is no longer in the room has no marker there.
      SET @read_seq = NULL;
      SELECT @read_seq = member.read_seq
      FROM message.member AS member JOIN message.room AS room ON room.room_no = member.room_no
      WHERE member.room_no = @room_no AND member.user_no = @user_no AND room.deleted_at IS NULL;
      IF @read_seq IS NOT NULL
        EXEC message.append_feed @user_no = @user_no, @time = @now, @kind = 6, @room_no = @room_no,
          @number = @read_seq;
    END
    SET @n = @n + 1;
  END

  INSERT INTO message.outbox (topic, [key], first_number, last_number, created_at)
  OUTPUT inserted.id AS feed_outbox
  SELECT 'parley.feed.v1', person.user_id, ended.feed_seq + 1, person.feed_seq, @now
  FROM @feed_end AS ended JOIN message.person AS person ON person.user_id = ended.user_id
  WHERE person.feed_seq > ended.feed_seq;
  COMMIT TRANSACTION;
END
GO
-- Tells up to @limit people that their room was deleted, if one waits for that, and answers whether one did.
CREATE OR ALTER PROCEDURE message.announce_deletions
  @limit int,
  @now bigint
AS
BEGIN
  SET NOCOUNT ON;
  SET XACT_ABORT ON;
  DECLARE @person TABLE (n int NOT NULL PRIMARY KEY, user_id binary(16) NOT NULL, user_no int NOT NULL);
  DECLARE @feed_end TABLE (user_id binary(16) NOT NULL PRIMARY KEY, feed_seq bigint NOT NULL);
  DECLARE @room_no int, @deleted_at bigint, @n int = 1, @count int, @user_id binary(16), @user_no int;
  SELECT TOP (1) @room_no = room_no FROM message.deleted_room WHERE announced = 0 ORDER BY room_no;
  -- Another room may be waiting, so what is told is that there was one.
  SELECT CASE WHEN @room_no IS NULL THEN 0 ELSE @limit END AS announced;
  IF @room_no IS NULL RETURN;
  BEGIN TRANSACTION;

  UPDATE message.room SET head_seq = head_seq WHERE room_no = @room_no;
  SELECT @deleted_at = deleted_at FROM message.room WHERE room_no = @room_no;
  INSERT INTO @person (n, user_id, user_no)
  SELECT ROW_NUMBER() OVER (ORDER BY found.user_id), found.user_id, found.user_no
  FROM (
    SELECT TOP (@limit) person.user_id, person.user_no
    FROM message.member AS member JOIN message.person AS person ON person.user_no = member.user_no
    WHERE member.room_no = @room_no ORDER BY member.user_no
  ) AS found;
  SELECT @count = COUNT(*) FROM @person;
  WHILE @n <= @count
  BEGIN
    SELECT @user_id = user_id FROM @person WHERE n = @n;
    EXEC message.lock_person @user_id = @user_id;
    SET @n = @n + 1;
  END
  INSERT INTO @feed_end (user_id, feed_seq)
  SELECT person.user_id, person.feed_seq
  FROM @person AS locked JOIN message.person AS person ON person.user_id = locked.user_id;
  SET @n = 1;
  WHILE @n <= @count
  BEGIN
    SELECT @user_no = user_no FROM @person WHERE n = @n;
    EXEC message.forget_member @room_no = @room_no, @user_no = @user_no, @time = @deleted_at;
    SET @n = @n + 1;
  END
  IF @count < @limit UPDATE message.deleted_room SET announced = 1 WHERE room_no = @room_no;

  INSERT INTO message.outbox (topic, [key], first_number, last_number, created_at)
  OUTPUT inserted.id AS feed_outbox
  SELECT 'parley.feed.v1', person.user_id, ended.feed_seq + 1, person.feed_seq, @now
  FROM @feed_end AS ended JOIN message.person AS person ON person.user_id = ended.user_id
  WHERE person.feed_seq > ended.feed_seq;
  COMMIT TRANSACTION;
END
