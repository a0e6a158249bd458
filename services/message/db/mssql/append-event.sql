-- Puts an event other than a post at the end of a timeline. The caller has locked the room's row. @key is that of the op
-- that makes it, by which it is found again.
CREATE OR ALTER PROCEDURE message.append_event
  @room_no int,
  @kind int,
  @actor_no int,
  @time bigint,
  @target_seq bigint = NULL,
  @edit_seq bigint = NULL,
  @subject_no int = NULL,
  @role int = NULL,
  @key nvarchar(100) = NULL,
  @emoji nvarchar(64) = NULL,
  @name nvarchar(400) = NULL,
  @topic nvarchar(4000) = NULL,
  @text nvarchar(max) = NULL,
  @seq bigint OUTPUT,
  @event_at bigint OUTPUT
AS
BEGIN
  SET NOCOUNT ON;
  UPDATE message.room
  SET head_seq = head_seq + 1, head_at = CASE WHEN @time > head_at THEN @time ELSE head_at END
  WHERE room_no = @room_no;

  SELECT @seq = head_seq, @event_at = head_at FROM message.room WHERE room_no = @room_no;

  INSERT INTO message.event (room_no, seq, kind, actor_no, [at], post_no, prev_post_seq, edit_seq, target_seq,
    subject_no, role, client_id, emoji, name, topic, [text])
  SELECT room_no, head_seq, @kind, @actor_no, head_at, post_count, last_post_seq, @edit_seq, @target_seq,
    @subject_no, @role, @key, @emoji, @name, @topic, @text
  FROM message.room WHERE room_no = @room_no;
END
GO
-- Locks a person's row. Who locks several takes them in the order of their ids.
CREATE OR ALTER PROCEDURE message.lock_person
  @user_id binary(16)
AS
BEGIN
  SET NOCOUNT ON;
  UPDATE message.person SET feed_seq = feed_seq WHERE user_id = @user_id;
END
GO
-- Writes an entry into someone's feed, and answers it. The caller has locked the person's row, and announces the entry.
CREATE OR ALTER PROCEDURE message.append_feed
  @user_no int,
  @time bigint,
  @kind int,
  @room_no int,
  @number bigint = 0,
  @invitation_id binary(16) = NULL
AS
BEGIN
  SET NOCOUNT ON;
  UPDATE message.person SET feed_seq = feed_seq + 1 WHERE user_no = @user_no;

  INSERT INTO message.feed (user_no, seq, [at], kind, room_no, number, invitation_id)
  SELECT user_no, feed_seq, @time, @kind, @room_no, @number, @invitation_id
  FROM message.person WHERE user_no = @user_no;

  SELECT person.user_id AS feed_user_id, person.feed_seq AS seq, @time AS [at], @kind AS kind, room.room_id,
    @number AS number, @invitation_id AS invitation_id
  FROM message.person AS person JOIN message.room AS room ON room.room_no = @room_no
  WHERE person.user_no = @user_no;
END
