-- Adds someone's reaction to a message (@present = 1), or takes it back (0). What was taken back is remembered, so that
-- taking it back once more is answered with the event that did it. The caller has locked the room's row.
CREATE OR ALTER PROCEDURE message.react
  @room_no int,
  @user_no int,
  @target_seq bigint,
  @emoji nvarchar(64),
  @present int,
  @key nvarchar(100),
  @now bigint,
  @outcome varchar(40) OUTPUT,
  @seq bigint OUTPUT,
  @event_at bigint OUTPUT
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @post_at bigint, @deleted_seq bigint, @was_present int, @kind int = CASE WHEN @present = 1 THEN 8 ELSE 9 END;
  SELECT @post_at = [at], @deleted_seq = deleted_seq
  FROM message.event WHERE room_no = @room_no AND seq = @target_seq AND kind = 5;
  SELECT @was_present = present, @seq = event_seq
  FROM message.reaction
  WHERE room_no = @room_no AND message_seq = @target_seq AND emoji = @emoji AND user_no = @user_no;

  SET @outcome = CASE
    WHEN @post_at IS NULL THEN 'MESSAGE_NOT_FOUND'
    WHEN @deleted_seq IS NOT NULL THEN 'MESSAGE_DELETED'
    -- Without an event that made it so, the message itself did.
    WHEN COALESCE(@was_present, 0) = @present THEN 'replayed'
    WHEN @present = 1
      AND NOT EXISTS (
        SELECT 1 FROM message.reaction_count
        WHERE room_no = @room_no AND message_seq = @target_seq AND emoji = @emoji)
      AND (SELECT COUNT(*) FROM message.reaction_count
        WHERE room_no = @room_no AND message_seq = @target_seq) >= 50 THEN 'TOO_MANY_EMOJI'
  END;
  IF @outcome = 'replayed'
  BEGIN
    SET @seq = COALESCE(@seq, @target_seq);
    SELECT @event_at = [at] FROM message.event WHERE room_no = @room_no AND seq = @seq;
  END
  IF @outcome IS NOT NULL RETURN;

  EXEC message.append_event @room_no = @room_no, @kind = @kind, @actor_no = @user_no, @time = @now,
    @target_seq = @target_seq, @key = @key, @emoji = @emoji, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;

  IF @was_present IS NULL
    INSERT INTO message.reaction (room_no, message_seq, emoji, user_no, event_seq, present)
    VALUES (@room_no, @target_seq, @emoji, @user_no, @seq, @present);
  ELSE
    UPDATE message.reaction SET event_seq = @seq, present = @present
    WHERE room_no = @room_no AND message_seq = @target_seq AND emoji = @emoji AND user_no = @user_no;

  UPDATE message.reaction_count SET people = people + CASE WHEN @present = 1 THEN 1 ELSE -1 END
  WHERE room_no = @room_no AND message_seq = @target_seq AND emoji = @emoji;
  IF @@ROWCOUNT = 0
    INSERT INTO message.reaction_count (room_no, message_seq, emoji, people, first_seq)
    VALUES (@room_no, @target_seq, @emoji, 1, @seq);
  DELETE FROM message.reaction_count
  WHERE room_no = @room_no AND message_seq = @target_seq AND emoji = @emoji AND people = 0;
  SET @outcome = 'done';
END
