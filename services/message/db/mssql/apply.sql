-- Applies what Room decided: changes of one room, in the order of their versions, whole calls only. The caller has locked
-- the rows of the room and of those people who are known and get entries in their feeds. Tells the outcome: 'applied' with
-- the version that the room then has, 'gap' with the one it has, 'conflict' with the one that is known under another
-- change id. Answers the events of the fresh versions, and on the way the entries in feeds.
--
-- @changes are those of all ops of the batch, {ordinal, version, change, actor, subject, at, kind, role, name_start,
-- name_length, topic_start, topic_length, invitation}, given as message.append is given ops. `ordinal` is that of the op;
-- `kind` that of the event that it makes, 0 for an invitation, which makes none; `subject` whom it is about, who acts if
-- it is about nobody; `invitation` is 0 if it is none.
CREATE OR ALTER PROCEDURE message.apply
  @ordinal int,
  @room_id binary(16),
  @changes nvarchar(max),
  @ids varbinary(max),
  @texts nvarchar(max),
  @now bigint,
  @outcome varchar(40) OUTPUT,
  @version bigint OUTPUT
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @room_no int, @applied bigint = 0, @told bigint, @is_deleted int = 0, @members int, @n int, @count int;
  DECLARE @change_id binary(16), @kind int, @time bigint, @actor_no int, @user_no int, @role int, @user_id binary(16);
  DECLARE @name nvarchar(400), @topic nvarchar(4000), @invitation_id binary(16), @seq bigint, @event_at bigint;
  DECLARE @change TABLE (
    version bigint NOT NULL PRIMARY KEY,
    change_id binary(16) NOT NULL,
    actor_id binary(16) NOT NULL,
    subject_id binary(16) NOT NULL,
    [at] bigint NOT NULL,
    kind int NOT NULL,
    role int NOT NULL,
    name nvarchar(400) NOT NULL,
    topic nvarchar(4000) NOT NULL,
    invitation_id binary(16) NULL
  );
  DECLARE @event TABLE (version bigint NOT NULL PRIMARY KEY, seq bigint NULL, event_at bigint NULL);
  DECLARE @person TABLE (n int NOT NULL PRIMARY KEY, user_id binary(16) NOT NULL);
  DECLARE @left TABLE (n int NOT NULL PRIMARY KEY, user_no int NOT NULL);

  INSERT INTO @change (version, change_id, actor_id, subject_id, [at], kind, role, name, topic, invitation_id)
  SELECT given.version,
    CAST(SUBSTRING(@ids, given.change * 16 - 15, 16) AS binary(16)),
    CAST(SUBSTRING(@ids, given.actor * 16 - 15, 16) AS binary(16)),
    CAST(SUBSTRING(@ids, given.subject * 16 - 15, 16) AS binary(16)),
    given.[at], given.kind, given.role,
    SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, given.name_start, given.name_length),
    SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, given.topic_start, given.topic_length),
    CASE WHEN given.invitation > 0 THEN CAST(SUBSTRING(@ids, given.invitation * 16 - 15, 16) AS binary(16)) END
  FROM OPENJSON(@changes) WITH (
    ordinal int '$.ordinal', version bigint '$.version', change int '$.change', actor int '$.actor',
    subject int '$.subject', [at] bigint '$.at', kind int '$.kind', role int '$.role',
    name_start int '$.name_start', name_length int '$.name_length',
    topic_start int '$.topic_start', topic_length int '$.topic_length', invitation int '$.invitation'
  ) AS given
  WHERE given.ordinal = @ordinal;
  SELECT @room_no = room_no, @applied = version FROM message.room WHERE room_id = @room_id;

  SELECT @told = MIN(change.version)
  FROM @change AS change
  LEFT JOIN message.room_change AS known ON known.room_no = @room_no AND known.version = change.version
  WHERE change.version <= @applied AND (known.change_id IS NULL OR known.change_id <> change.change_id);
  SELECT @outcome = CASE
    WHEN @told IS NOT NULL THEN 'conflict'
    WHEN COUNT(*) <> COALESCE(MAX(version), @applied) - @applied THEN 'gap'
    WHEN COUNT(*) = 0 THEN 'applied'
  END
  FROM @change WHERE version > @applied;
  SET @version = COALESCE(@told, @applied);
  IF @outcome IS NOT NULL RETURN;

  IF @room_no IS NULL
  BEGIN
    INSERT INTO message.room (room_id, version, head_seq, head_at, post_count, last_post_seq, last_standing_seq)
    VALUES (@room_id, 0, 0, 0, 0, 0, 0);
    SELECT @room_no = room_no FROM message.room WHERE room_id = @room_id;
  END
  INSERT INTO @person (n, user_id)
  SELECT ROW_NUMBER() OVER (ORDER BY found.user_id), found.user_id
  FROM (
    SELECT actor_id AS user_id FROM @change WHERE version > @applied
    UNION SELECT subject_id FROM @change WHERE version > @applied
  ) AS found;
  INSERT INTO message.person (user_id, feed_seq, feed_first_seq)
  SELECT found.user_id, 0, 1 FROM @person AS found
  WHERE NOT EXISTS (SELECT 1 FROM message.person AS known WHERE known.user_id = found.user_id)
  ORDER BY found.n;

  SET @version = @applied + 1;
  WHILE EXISTS (SELECT 1 FROM @change WHERE version = @version)
  BEGIN
    SELECT @change_id = change.change_id, @kind = change.kind, @time = change.[at], @role = change.role,
      @actor_no = actor.user_no, @user_no = subject.user_no,
      @name = change.name, @topic = change.topic, @invitation_id = change.invitation_id
    FROM @change AS change
    JOIN message.person AS actor ON actor.user_id = change.actor_id
    JOIN message.person AS subject ON subject.user_id = change.subject_id
    WHERE change.version = @version;
    EXEC message.apply_change @room_no = @room_no, @version = @version, @change_id = @change_id, @kind = @kind,
      @time = @time, @actor_no = @actor_no, @user_no = @user_no, @role = @role, @name = @name, @topic = @topic,
      @invitation_id = @invitation_id, @now = @now, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
    INSERT INTO @event (version, seq, event_at) VALUES (@version, @seq, @event_at);
    IF @kind = 15 SET @is_deleted = 1;
    SET @version = @version + 1;
  END

  -- A room with more members is told of its deletion in the background.
  IF @is_deleted = 1
  BEGIN
    SELECT @event_at = deleted_at FROM message.room WHERE room_no = @room_no;
    SELECT @members = COUNT(*) FROM message.member WHERE room_no = @room_no;
    INSERT INTO message.deleted_room (room_no, announced, erased_seq)
    VALUES (@room_no, CASE WHEN @members <= 200 THEN 1 ELSE 0 END, 0);
    INSERT INTO @left (n, user_no)
    SELECT ROW_NUMBER() OVER (ORDER BY user_no), user_no
    FROM message.member WHERE room_no = @room_no AND @members <= 200;
    SELECT @n = 1, @count = COUNT(*) FROM @left;
    WHILE @n <= @count
    BEGIN
      SELECT @user_no = user_no FROM @left WHERE n = @n;
      EXEC message.forget_member @room_no = @room_no, @user_no = @user_no, @time = @event_at;
      SET @n = @n + 1;
    END
  END

  SELECT @outcome = 'applied', @version = version FROM message.room WHERE room_no = @room_no;
  SELECT @ordinal AS applied_ordinal, version, seq, event_at FROM @event WHERE seq IS NOT NULL ORDER BY version;
END
