-- Does one op of a batch that is no send, and tells what became of it. What was done under a key is told again.
CREATE OR ALTER PROCEDURE message.run_op
  @op int,
  @room_no int,
  @user_no int,
  @role int,
  @target_seq bigint,
  @key nvarchar(100),
  @text nvarchar(max),
  @now bigint,
  @outcome varchar(40) OUTPUT,
  @seq bigint OUTPUT,
  @event_at bigint OUTPUT,
  @moved int OUTPUT
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @present int;
  SELECT @outcome = NULL, @seq = NULL, @event_at = NULL, @moved = NULL;
  IF @key IS NOT NULL
    SELECT @outcome = 'replayed', @seq = seq, @event_at = [at]
    FROM message.event
    WHERE room_no = @room_no AND actor_no = @user_no AND client_id = @key AND client_id IS NOT NULL;
  IF @outcome IS NOT NULL RETURN;

  IF @op = 2
    EXEC message.edit @room_no = @room_no, @user_no = @user_no, @target_seq = @target_seq, @text = @text, @key = @key,
      @now = @now, @outcome = @outcome OUTPUT, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
  ELSE IF @op = 3
    EXEC message.[delete] @room_no = @room_no, @user_no = @user_no, @role = @role, @target_seq = @target_seq,
      @now = @now, @outcome = @outcome OUTPUT, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
  ELSE IF @op = 6
  BEGIN
    SET @outcome = 'read';
    EXEC message.mark_read @room_no = @room_no, @user_no = @user_no, @seq = @target_seq, @now = @now,
      @read_seq = @seq OUTPUT, @unread_count = @event_at OUTPUT, @moved = @moved OUTPUT;
  END
  ELSE
  BEGIN
    SET @present = CASE WHEN @op = 4 THEN 1 ELSE 0 END;
    EXEC message.react @room_no = @room_no, @user_no = @user_no, @target_seq = @target_seq, @emoji = @text,
      @present = @present, @key = @key, @now = @now,
      @outcome = @outcome OUTPUT, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
  END
END
GO
-- Everything that members do to rooms and Room decides about them, a whole batch in one transaction. Answers what became of
-- each op (message.apply says more of changes), then the rows of the outbox that announce the batch's events and entries
-- of feeds; on the way the entries themselves.
--
-- A batch is given as JSON, and not as a table-valued parameter: there is no type whose versions have to be kept, and no
-- plan that a server may keep for the table of one call and use for the next (Babelfish does). It holds numbers only.
-- @ids are the ids that are named, 16 bytes each, counted from 1; @texts are all texts in a row. So nothing has to be
-- unescaped, and no text is too long for a column of OPENJSON (SQL Server 2016 and later; Babelfish is poor at both).
--
-- @ops are in their order: {ordinal, step, op, room, user, seq, key_start, key_length, text_start, text_length}.
--   step    Sends are in the steps of even numbers and done together, everything else is in odd ones and done one by one.
--           Within a room a later op is never in an earlier step.
--   op      1 send, 2 edit, 3 delete, 4 react, 5 unreact, 6 mark read, 7 apply changes.
--   user    0 for changes.
--   seq     The message it is about; of a send the one it answers, or 0.
--   key     The client id of a send; of another op that by which it is found again. Where it starts is 0 for none.
--   text    Likewise; of a reaction the emoji.
-- @changes are those of the ops that apply them: message.apply says how.
-- @published are the numbers of rows of the outbox that are done with.
--
-- The rooms' rows are locked in the order of their ids before anything else of them is read, and then those of people who
-- may get entries in their feeds: so batches, of whatever process, follow each other in every room and feed, seqs have no
-- gaps, and no two batches wait for each other.
CREATE OR ALTER PROCEDURE message.append
  @ops nvarchar(max),
  @changes nvarchar(max),
  @ids varbinary(max),
  @texts nvarchar(max),
  @published nvarchar(max),
  @now bigint
AS
BEGIN
  SET NOCOUNT ON;
  SET XACT_ABORT ON;
  DECLARE @given TABLE (
    ordinal int NOT NULL PRIMARY KEY,
    step int NOT NULL,
    op int NOT NULL,
    room_id binary(16) NOT NULL,
    user_id binary(16) NULL,
    seq bigint NOT NULL,
    [key] nvarchar(100) COLLATE Latin1_General_100_BIN2 NULL,
    [text] nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL
  );
  DECLARE @concerned TABLE (room_id binary(16) NOT NULL, user_id binary(16) NOT NULL, is_deletion int NOT NULL);
  DECLARE @room TABLE (n int NOT NULL PRIMARY KEY, room_id binary(16) NOT NULL);
  DECLARE @person TABLE (n int NOT NULL PRIMARY KEY, user_id binary(16) NOT NULL);
  -- Where rooms and feeds ended before the batch; those that are new begin with it.
  DECLARE @head TABLE (room_id binary(16) NOT NULL PRIMARY KEY, head_seq bigint NOT NULL);
  DECLARE @feed_end TABLE (user_id binary(16) NOT NULL PRIMARY KEY, feed_seq bigint NOT NULL);
  -- Ops of the step, of those who are members.
  DECLARE @op TABLE (
    ordinal int NOT NULL PRIMARY KEY,
    op int NOT NULL,
    room_no int NOT NULL,
    user_no int NOT NULL,
    role int NOT NULL,
    seq bigint NOT NULL,
    [key] nvarchar(100) COLLATE Latin1_General_100_BIN2 NULL
  );
  -- Sends whose answered message exists, or that answer none; and of those what is posted now, numbered in its room.
  DECLARE @whole TABLE (ordinal int NOT NULL PRIMARY KEY);
  DECLARE @fresh TABLE (ordinal int NOT NULL PRIMARY KEY, room_no int NOT NULL, user_no int NOT NULL, nth int NOT NULL);
  DECLARE @answer TABLE (
    ordinal int NOT NULL PRIMARY KEY,
    outcome varchar(40) NOT NULL,
    seq bigint NULL,
    [at] bigint NULL,
    moved int NULL
  );
  DECLARE @n int, @count int, @id binary(16), @step int = 0, @last_step int, @first int, @last int;
  DECLARE @kind int, @room_no int, @user_no int, @role int, @target_seq bigint, @key nvarchar(100), @text nvarchar(max);
  DECLARE @outcome varchar(40), @seq bigint, @event_at bigint, @moved int;

  INSERT INTO @given (ordinal, step, op, room_id, user_id, seq, [key], [text])
  SELECT given.ordinal, given.step, given.op,
    CAST(SUBSTRING(@ids, given.room * 16 - 15, 16) AS binary(16)),
    CASE WHEN given.[user] > 0 THEN CAST(SUBSTRING(@ids, given.[user] * 16 - 15, 16) AS binary(16)) END,
    given.seq,
    CASE WHEN given.key_start > 0
      THEN SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, given.key_start, given.key_length) END,
    CASE WHEN given.text_start > 0
      THEN SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, given.text_start, given.text_length) END
  FROM OPENJSON(@ops) WITH (
    ordinal int '$.ordinal', step int '$.step', op int '$.op', room int '$.room', [user] int '$.user',
    seq bigint '$.seq', key_start int '$.key_start', key_length int '$.key_length',
    text_start int '$.text_start', text_length int '$.text_length'
  ) AS given;
  INSERT INTO @room (n, room_id)
  SELECT ROW_NUMBER() OVER (ORDER BY asked.room_id), asked.room_id
  FROM (SELECT DISTINCT room_id FROM @given) AS asked;
  SELECT @n = 1, @count = COUNT(*) FROM @room;
  BEGIN TRANSACTION;

  WHILE @n <= @count
  BEGIN
    SELECT @id = room_id FROM @room WHERE n = @n;
    UPDATE message.room SET head_seq = head_seq WHERE room_id = @id;
    SET @n = @n + 1;
  END
  INSERT INTO @head (room_id, head_seq)
  SELECT room.room_id, room.head_seq FROM @room AS locked JOIN message.room AS room ON room.room_id = locked.room_id;

  -- Those who are named by changes, and all members of a room that is deleted. If those are many they are told in the
  -- background, and not here.
  IF EXISTS (SELECT 1 FROM @given WHERE op = 7)
  BEGIN
    INSERT INTO @concerned (room_id, user_id, is_deletion)
    SELECT given.room_id, CAST(SUBSTRING(@ids, change.[user] * 16 - 15, 16) AS binary(16)),
      CASE WHEN change.kind = 15 THEN 1 ELSE 0 END
    FROM @given AS given
    JOIN OPENJSON(@changes) WITH (ordinal int '$.ordinal', kind int '$.kind', [user] int '$.subject') AS change
      ON change.ordinal = given.ordinal;
    SELECT @count = COUNT(*) FROM @concerned;
    INSERT INTO @person (n, user_id)
    SELECT ROW_NUMBER() OVER (ORDER BY found.user_id), found.user_id
    FROM (
      SELECT user_id FROM @concerned
      UNION SELECT person.user_id
      FROM @concerned AS deletion
      JOIN message.room AS room ON room.room_id = deletion.room_id
      JOIN message.member AS member ON member.room_no = room.room_no
      JOIN message.person AS person ON person.user_no = member.user_no
      WHERE deletion.is_deletion = 1
        AND (SELECT COUNT(*) FROM message.member AS m WHERE m.room_no = room.room_no) <= 200 + @count
    ) AS found;
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
  END

  SELECT @last_step = MAX(step) FROM @given;
  WHILE @step <= @last_step
  BEGIN
    DELETE FROM @op;
    INSERT INTO @op (ordinal, op, room_no, user_no, role, seq, [key])
    SELECT given.ordinal, given.op, member.room_no, member.user_no, member.role, given.seq, given.[key]
    FROM @given AS given
    JOIN message.room AS room ON room.room_id = given.room_id AND room.deleted_at IS NULL
    JOIN message.person AS person ON person.user_id = given.user_id
    JOIN message.member AS member ON member.room_no = room.room_no AND member.user_no = person.user_no
    WHERE given.step = @step;
    INSERT INTO @answer (ordinal, outcome)
    SELECT ordinal, 'NOT_MEMBER' FROM @given
    WHERE step = @step AND op <> 7 AND ordinal NOT IN (SELECT ordinal FROM @op);

    -- Sends go together, unless one answers a message that only this step may post.
    SELECT @first = MIN(ordinal), @last = MAX(ordinal) FROM @given WHERE step = @step;
    IF @step % 2 = 1 OR EXISTS (
      SELECT 1 FROM @op AS op JOIN message.room AS room ON room.room_no = op.room_no WHERE op.seq > room.head_seq)
      SET @last = @first;
    WHILE @first IS NOT NULL
    BEGIN
      IF EXISTS (SELECT 1 FROM @given WHERE ordinal = @first AND op = 7)
      BEGIN
        SELECT @id = room_id FROM @given WHERE ordinal = @first;
        EXEC message.apply @ordinal = @first, @room_id = @id, @changes = @changes, @ids = @ids, @texts = @texts,
          @now = @now, @outcome = @outcome OUTPUT, @version = @seq OUTPUT;
        INSERT INTO @answer (ordinal, outcome, seq) VALUES (@first, @outcome, @seq);
      END
      ELSE IF @step % 2 = 1
      BEGIN
        SET @kind = NULL;
        SELECT @kind = op.op, @room_no = op.room_no, @user_no = op.user_no, @role = op.role, @target_seq = op.seq,
          @key = op.[key], @text = given.[text]
        FROM @op AS op JOIN @given AS given ON given.ordinal = op.ordinal
        WHERE op.ordinal = @first;
        IF @kind IS NOT NULL
        BEGIN
          EXEC message.run_op @op = @kind, @room_no = @room_no, @user_no = @user_no, @role = @role,
            @target_seq = @target_seq, @key = @key, @text = @text, @now = @now,
            @outcome = @outcome OUTPUT, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT, @moved = @moved OUTPUT;
          INSERT INTO @answer (ordinal, outcome, seq, [at], moved)
          VALUES (@first, @outcome, @seq, @event_at, @moved);
        END
      END
      ELSE
      BEGIN
        INSERT INTO @whole (ordinal)
        SELECT post.ordinal
        FROM @op AS post
        LEFT JOIN message.event AS answered
          ON answered.room_no = post.room_no AND answered.seq = post.seq AND answered.kind = 5
        WHERE post.ordinal BETWEEN @first AND @last
          AND (post.seq = 0 OR answered.seq IS NOT NULL);

        -- A client id that was used before, in the timeline or earlier in this step, posts nothing.
        DELETE FROM @fresh;
        INSERT INTO @fresh (ordinal, room_no, user_no, nth)
        SELECT post.ordinal, post.room_no, post.user_no,
          ROW_NUMBER() OVER (PARTITION BY post.room_no ORDER BY post.ordinal)
        FROM @op AS post
        JOIN @whole AS whole ON whole.ordinal = post.ordinal
        WHERE post.ordinal BETWEEN @first AND @last
          AND NOT EXISTS (
            SELECT 1 FROM message.event AS known
            WHERE known.room_no = post.room_no AND known.actor_no = post.user_no
              AND known.client_id = post.[key] AND known.client_id IS NOT NULL)
          AND NOT EXISTS (
            SELECT 1 FROM @op AS earlier
            JOIN @whole AS earlier_whole ON earlier_whole.ordinal = earlier.ordinal
            WHERE earlier.ordinal < post.ordinal AND earlier.room_no = post.room_no
              AND earlier.user_no = post.user_no AND earlier.[key] = post.[key]);

        INSERT INTO message.event (room_no, seq, kind, actor_no, [at], post_no, prev_post_seq, prev_standing_seq,
          reply_to_seq, client_id, [text])
        SELECT room.room_no, room.head_seq + fresh.nth, 5, fresh.user_no,
          CASE WHEN @now > room.head_at THEN @now ELSE room.head_at END,
          room.post_count + fresh.nth,
          CASE WHEN fresh.nth = 1 THEN room.last_post_seq ELSE room.head_seq + fresh.nth - 1 END,
          CASE WHEN fresh.nth = 1 THEN room.last_standing_seq ELSE room.head_seq + fresh.nth - 1 END,
          NULLIF(given.seq, 0), given.[key], given.[text]
        FROM @fresh AS fresh
        JOIN @given AS given ON given.ordinal = fresh.ordinal
        JOIN message.room AS room ON room.room_no = fresh.room_no;

        UPDATE room
        SET head_seq = room.head_seq + fresh.posts,
          head_at = CASE WHEN @now > room.head_at THEN @now ELSE room.head_at END,
          post_count = room.post_count + fresh.posts,
          last_post_seq = room.head_seq + fresh.posts,
          last_standing_seq = room.head_seq + fresh.posts
        FROM message.room AS room
        JOIN (SELECT room_no, COUNT(*) AS posts FROM @fresh GROUP BY room_no) AS fresh
          ON fresh.room_no = room.room_no;

        UPDATE member
        SET own_posts = member.own_posts + fresh.posts
        FROM message.member AS member
        JOIN (SELECT room_no, user_no, COUNT(*) AS posts FROM @fresh GROUP BY room_no, user_no) AS fresh
          ON fresh.room_no = member.room_no AND fresh.user_no = member.user_no;

        -- What a post's own row keeps is what was first sent, until it is deleted: then any content is the same.
        -- Comparisons ignore spaces at the end, hence the lengths.
        INSERT INTO @answer (ordinal, outcome, seq, [at])
        SELECT post.ordinal,
          CASE
            WHEN fresh.ordinal IS NOT NULL THEN 'done'
            WHEN known.seq IS NULL THEN 'MESSAGE_NOT_FOUND'
            WHEN known.deleted_seq IS NOT NULL THEN 'replayed'
            WHEN known.[text] = given.[text] AND DATALENGTH(known.[text]) = DATALENGTH(given.[text])
              AND COALESCE(known.reply_to_seq, 0) = post.seq THEN 'replayed'
            ELSE 'CLIENT_ID_REUSED'
          END,
          known.seq, known.[at]
        FROM @op AS post
        JOIN @given AS given ON given.ordinal = post.ordinal
        LEFT JOIN @fresh AS fresh ON fresh.ordinal = post.ordinal
        LEFT JOIN message.event AS known
          ON known.room_no = post.room_no AND known.actor_no = post.user_no
            AND known.client_id = post.[key] AND known.client_id IS NOT NULL
        WHERE post.ordinal BETWEEN @first AND @last;
      END
      SELECT @first = MIN(ordinal) FROM @given WHERE step = @step AND ordinal > @last;
      SET @last = @first;
    END
    SET @step = @step + 1;
  END

  SELECT ordinal, outcome, seq, [at], moved FROM @answer;
  DELETE FROM message.outbox
  WHERE id IN (SELECT done.id FROM OPENJSON(@published) WITH (id bigint '$') AS done);
  INSERT INTO message.outbox (topic, [key], first_number, last_number, created_at)
  OUTPUT inserted.id AS timeline_outbox
  SELECT 'parley.timeline.v1', room.room_id, COALESCE(head.head_seq, 0) + 1, room.head_seq, @now
  FROM @room AS locked
  JOIN message.room AS room ON room.room_id = locked.room_id
  LEFT JOIN @head AS head ON head.room_id = locked.room_id
  WHERE room.head_seq > COALESCE(head.head_seq, 0);
  INSERT INTO message.outbox (topic, [key], first_number, last_number, created_at)
  OUTPUT inserted.id AS feed_outbox
  SELECT 'parley.feed.v1', person.user_id, COALESCE(ended.feed_seq, 0) + 1, person.feed_seq, @now
  FROM @person AS locked
  JOIN message.person AS person ON person.user_id = locked.user_id
  LEFT JOIN @feed_end AS ended ON ended.user_id = locked.user_id
  WHERE person.feed_seq > COALESCE(ended.feed_seq, 0);

  COMMIT TRANSACTION;
END
