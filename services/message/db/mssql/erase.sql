-- Erases, about @limit rows at a time, what was too much for the transaction of a deletion: the reactions of a message,
-- then of a deleted room the text of its events and its reactions. The events keep their places. What is left to do is
-- in tables, so it goes on after a crash, and several processes that do the same do no harm. Answers whether there was
-- anything.
CREATE OR ALTER PROCEDURE message.erase
  @limit int
AS
BEGIN
  SET NOCOUNT ON;
  SET XACT_ABORT ON;
  DECLARE @room_no int, @message_seq bigint, @erased_seq bigint, @head_seq bigint, @up_to bigint, @gone int, @counts int;
  BEGIN TRANSACTION;

  SELECT TOP (1) @room_no = room_no, @message_seq = message_seq
  FROM message.deleted_message ORDER BY room_no, message_seq;
  IF @room_no IS NOT NULL
  BEGIN
    DELETE TOP (@limit) FROM message.reaction WHERE room_no = @room_no AND message_seq = @message_seq;
    SET @gone = @@ROWCOUNT;
    IF @gone < @limit DELETE FROM message.deleted_message WHERE room_no = @room_no AND message_seq = @message_seq;
  END
  ELSE
  BEGIN
    SELECT TOP (1) @room_no = deleted.room_no, @erased_seq = deleted.erased_seq, @head_seq = room.head_seq
    FROM message.deleted_room AS deleted JOIN message.room AS room ON room.room_no = deleted.room_no
    WHERE deleted.announced = 1 ORDER BY deleted.room_no;
    IF @erased_seq < @head_seq
    BEGIN
      SET @up_to = CASE WHEN @erased_seq + @limit < @head_seq THEN @erased_seq + @limit ELSE @head_seq END;
      UPDATE message.event SET [text] = NULL, name = NULL, topic = NULL, client_id = NULL
      WHERE room_no = @room_no AND seq > @erased_seq AND seq <= @up_to;
      UPDATE message.deleted_room SET erased_seq = @up_to WHERE room_no = @room_no AND erased_seq < @up_to;
    END
    ELSE IF @room_no IS NOT NULL
    BEGIN
      DELETE TOP (@limit) FROM message.reaction WHERE room_no = @room_no;
      SET @gone = @@ROWCOUNT;
      DELETE TOP (@limit) FROM message.reaction_count WHERE room_no = @room_no;
      SET @counts = @@ROWCOUNT;
      IF @gone < @limit AND @counts < @limit DELETE FROM message.deleted_room WHERE room_no = @room_no;
    END
  END

  COMMIT TRANSACTION;
  SELECT CASE WHEN @room_no IS NULL THEN 0 ELSE 1 END AS more;
END
GO
-- Deletes the beginnings of feeds from before a time, about @limit entries, so that what is kept of each has no gap.
-- Answers how many of those that are too old it looked at.
CREATE OR ALTER PROCEDURE message.prune_feeds
  @before bigint,
  @limit int
AS
BEGIN
  SET NOCOUNT ON;
  SET XACT_ABORT ON;
  DECLARE @old TABLE (user_no int NOT NULL PRIMARY KEY, seq bigint NOT NULL, entries int NOT NULL);
  DECLARE @person TABLE (n int NOT NULL PRIMARY KEY, user_id binary(16) NOT NULL);
  DECLARE @n int = 1, @count int, @user_id binary(16);
  INSERT INTO @old (user_no, seq, entries)
  SELECT aged.user_no, MAX(aged.seq), COUNT(*)
  FROM (SELECT TOP (@limit) user_no, seq FROM message.feed WHERE [at] < @before ORDER BY [at]) AS aged
  GROUP BY aged.user_no;
  INSERT INTO @person (n, user_id)
  SELECT ROW_NUMBER() OVER (ORDER BY person.user_id), person.user_id
  FROM message.person AS person JOIN @old AS old ON old.user_no = person.user_no;
  SELECT @count = COUNT(*) FROM @person;
  BEGIN TRANSACTION;

  WHILE @n <= @count
  BEGIN
    SELECT @user_id = user_id FROM @person WHERE n = @n;
    EXEC message.lock_person @user_id = @user_id;
    SET @n = @n + 1;
  END
  DELETE feed FROM message.feed AS feed JOIN @old AS old ON old.user_no = feed.user_no AND feed.seq <= old.seq;
  UPDATE person SET feed_first_seq = old.seq + 1
  FROM message.person AS person JOIN @old AS old ON old.user_no = person.user_no
  WHERE person.feed_first_seq <= old.seq;

  COMMIT TRANSACTION;
  SELECT COALESCE(SUM(entries), 0) AS entries FROM @old;
END
