-- Applies one change of a room: the timeline event, who is a member, the entry in the feed of whom it concerns. The
-- caller has locked the rows of the room and of the people. Tells the seq and time of the event; NULL if it makes none,
-- as an invitation (@kind 0) does.
CREATE OR ALTER PROCEDURE message.apply_change
  @room_no int,
  @version bigint,
  @change_id binary(16),
  @kind int,
  @time bigint,
  @actor_no int,
  @user_no int,
  @role int,
  @name nvarchar(400),
  @topic nvarchar(4000),
  @invitation_id binary(16),
  @now bigint,
  @seq bigint OUTPUT,
  @event_at bigint OUTPUT
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @reason int;
  SELECT @seq = NULL, @event_at = NULL;
  -- Another machine's clock may be ahead; a time to come would be every later event's.
  IF @time > @now SET @time = @now;

  IF @kind = 0
    EXEC message.append_feed @user_no = @user_no, @time = @time, @kind = 5, @room_no = @room_no,
      @invitation_id = @invitation_id;
  ELSE IF @kind = 14
    EXEC message.append_event @room_no = @room_no, @kind = @kind, @actor_no = @actor_no, @time = @time,
      @name = @name, @topic = @topic, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
  ELSE IF @kind = 15
    EXEC message.append_event @room_no = @room_no, @kind = @kind, @actor_no = @actor_no, @time = @time,
      @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
  ELSE
  BEGIN
    IF @kind IN (11, 12) SET @role = NULL;
    EXEC message.append_event @room_no = @room_no, @kind = @kind, @actor_no = @actor_no, @time = @time,
      @subject_no = @user_no, @role = @role, @seq = @seq OUTPUT, @event_at = @event_at OUTPUT;
  END

  IF @kind = 10
  BEGIN
    -- The marker starts at the event by which one joined, which is the head.
    DELETE FROM message.member WHERE room_no = @room_no AND user_no = @user_no;
    INSERT INTO message.member (room_no, user_no, role, read_seq, read_posts, own_posts)
    SELECT room_no, @user_no, @role, head_seq, post_count, 0 FROM message.room WHERE room_no = @room_no;
    EXEC message.append_feed @user_no = @user_no, @time = @event_at, @kind = 3, @room_no = @room_no, @number = @seq;
  END
  IF @kind IN (11, 12)
  BEGIN
    SET @reason = CASE WHEN @kind = 11 THEN 1 ELSE 2 END;
    DELETE FROM message.member WHERE room_no = @room_no AND user_no = @user_no;
    EXEC message.append_feed @user_no = @user_no, @time = @event_at, @kind = 4, @room_no = @room_no,
      @number = @reason;
  END
  IF @kind = 13
    UPDATE message.member SET role = @role WHERE room_no = @room_no AND user_no = @user_no;
  IF @kind = 15
    UPDATE message.room SET deleted_at = @event_at WHERE room_no = @room_no;

  INSERT INTO message.room_change (room_no, version, change_id) VALUES (@room_no, @version, @change_id);
  UPDATE message.room SET version = @version WHERE room_no = @room_no;
END
GO
-- Tells a member that the room is gone, and forgets that they were in it. The caller has locked the rows of the room and
-- of the person.
CREATE OR ALTER PROCEDURE message.forget_member
  @room_no int,
  @user_no int,
  @time bigint
AS
BEGIN
  SET NOCOUNT ON;
  DELETE FROM message.member WHERE room_no = @room_no AND user_no = @user_no;
  EXEC message.append_feed @user_no = @user_no, @time = @time, @kind = 4, @room_no = @room_no, @number = 3;
END
