-- Gives a message another text. The caller has locked the room's row.
CREATE OR ALTER PROCEDURE message.edit
  @room_no int,
  @user_no int,
  @target_seq bigint,
  @text nvarchar(max),
  @key nvarchar(100),
  @now bigint,
  @outcome varchar(40) OUTPUT,
  @seq bigint OUTPUT,
  @event_at bigint OUTPUT
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @author_no int, @edit_seq bigint, @deleted_seq bigint, @is_same int = 0;
  SELECT @author_no = actor_no, @edit_seq = edit_seq, @deleted_seq = deleted_seq
  FROM message.event WHERE room_no = @room_no AND seq = @target_seq AND kind = 5;

  SET @outcome = CASE
    WHEN @author_no IS NULL THEN 'MESSAGE_NOT_FOUND'
    WHEN @author_no <> @user_no THEN 'NOT_AUTHOR'
    WHEN @deleted_seq IS NOT NULL THEN 'MESSAGE_DELETED'
  END;
  IF @outcome IS NOT NULL RETURN;

  SET @seq = COALESCE(@edit_seq, @target_seq);
  SELECT @event_at = [at],
    @is_same = CASE WHEN [text] = @text AND DATALENGTH([text]) = DATALENGTH(@text) THEN 1 ELSE 0 END
  FROM message.event WHERE room_no = @room_no AND seq = @seq;
  IF @is_same = 1
  BEGIN
    SET @outcome = 'replayed';
    RETURN;
  END

  EXEC message.append_event @room_no = @room_no, @kind = 6, @actor_no = @user_no, @time = @now,
    @target_seq = @target_seq, @edit_seq = @edit_seq, @key = @key, @text = @text,
    @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
  UPDATE message.event SET edit_seq = @seq WHERE room_no = @room_no AND seq = @target_seq;
  SET @outcome = 'done';
END
