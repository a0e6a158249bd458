-- Takes a message away: its text, those of its edits, and its reactions. The caller has locked the room's row.
CREATE OR ALTER PROCEDURE message.[delete]
  @room_no int,
  @user_no int,
  @role int,
  @target_seq bigint,
  @now bigint,
  @outcome varchar(40) OUTPUT,
  @seq bigint OUTPUT,
  @event_at bigint OUTPUT
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @author_no int, @author_role int, @edit_seq bigint, @deleted_seq bigint, @standing_seq bigint, @gone int;
  SELECT @author_no = actor_no, @edit_seq = edit_seq, @deleted_seq = deleted_seq, @standing_seq = prev_standing_seq
  FROM message.event WHERE room_no = @room_no AND seq = @target_seq AND kind = 5;
  SELECT @author_role = role FROM message.member WHERE room_no = @room_no AND user_no = @author_no;

  -- One's own, an owner any, a moderator or admin those of people of a lower role.
  SET @outcome = CASE
    WHEN @author_no IS NULL THEN 'MESSAGE_NOT_FOUND'
    WHEN @author_no <> @user_no AND @role <> 4 AND (@role < 2 OR @role <= COALESCE(@author_role, 0)) THEN 'ROLE_TOO_LOW'
  END;
  IF @outcome IS NOT NULL RETURN;

  IF @deleted_seq IS NOT NULL
  BEGIN
    SELECT @outcome = 'replayed', @seq = seq, @event_at = [at]
    FROM message.event WHERE room_no = @room_no AND seq = @deleted_seq;
    RETURN;
  END

  EXEC message.append_event @room_no = @room_no, @kind = 7, @actor_no = @user_no, @time = @now,
    @target_seq = @target_seq, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
  UPDATE message.event SET [text] = NULL, deleted_seq = @seq WHERE room_no = @room_no AND seq = @target_seq;
  WHILE @edit_seq IS NOT NULL
  BEGIN
    UPDATE message.event SET [text] = NULL WHERE room_no = @room_no AND seq = @edit_seq;
    SELECT @edit_seq = edit_seq FROM message.event WHERE room_no = @room_no AND seq = @edit_seq;
  END

  -- With the counts all reactions are out of sight; those above so many are deleted in the background.
  DELETE FROM message.reaction_count WHERE room_no = @room_no AND message_seq = @target_seq;
  DELETE TOP (500) FROM message.reaction WHERE room_no = @room_no AND message_seq = @target_seq;
  SET @gone = @@ROWCOUNT;
  IF @gone = 500
    INSERT INTO message.deleted_message (room_no, message_seq) VALUES (@room_no, @target_seq);

  -- The last post that stands, by way of what stood when each was posted.
  IF EXISTS (SELECT 1 FROM message.room WHERE room_no = @room_no AND last_standing_seq = @target_seq)
  BEGIN
    WHILE @standing_seq > 0 AND EXISTS (
      SELECT 1 FROM message.event
      WHERE room_no = @room_no AND seq = @standing_seq AND deleted_seq IS NOT NULL)
    BEGIN
      SELECT @standing_seq = prev_standing_seq FROM message.event WHERE room_no = @room_no AND seq = @standing_seq;
    END
    UPDATE message.room SET last_standing_seq = @standing_seq WHERE room_no = @room_no;
  END
  SET @outcome = 'done';
END
