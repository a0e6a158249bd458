-- Moves someone's read marker of a room up to a seq, never back. The caller has locked the room's row. The feed says so
-- after a while (message.announce_reads), so that markers of three seconds are one entry of it.
CREATE OR ALTER PROCEDURE message.mark_read
  @room_no int,
  @user_no int,
  @seq bigint,
  @now bigint,
  @read_seq bigint OUTPUT,
  @unread_count bigint OUTPUT,
  @moved int OUTPUT
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @head_seq bigint, @post_count bigint, @read_posts bigint, @own_posts bigint;
  SELECT @head_seq = head_seq, @post_count = post_count FROM message.room WHERE room_no = @room_no;
  SELECT @read_seq = read_seq, @read_posts = read_posts, @own_posts = own_posts
  FROM message.member WHERE room_no = @room_no AND user_no = @user_no;
  IF @seq > @head_seq SET @seq = @head_seq;
  SET @moved = CASE WHEN @seq > @read_seq THEN 1 ELSE 0 END;

  IF @moved = 1
  BEGIN
    -- Posts of one's own after the new marker, counted on its shorter side, and only if there may be any.
    IF @seq = @head_seq SET @own_posts = 0;
    IF @own_posts > 0 AND @head_seq - @seq < @seq - @read_seq
      SELECT @own_posts = COUNT(*) FROM message.event
      WHERE room_no = @room_no AND seq > @seq AND kind = 5 AND actor_no = @user_no;
    ELSE IF @own_posts > 0
      SELECT @own_posts = @own_posts - COUNT(*) FROM message.event
      WHERE room_no = @room_no AND seq > @read_seq AND seq <= @seq AND kind = 5 AND actor_no = @user_no;

    SELECT @read_posts = post_no FROM message.event WHERE room_no = @room_no AND seq = @seq;
    SET @read_seq = @seq;
    UPDATE message.member SET read_seq = @read_seq, read_posts = @read_posts, own_posts = @own_posts
    WHERE room_no = @room_no AND user_no = @user_no;
    IF NOT EXISTS (SELECT 1 FROM message.feed_due WHERE user_no = @user_no AND room_no = @room_no)
      INSERT INTO message.feed_due (user_no, room_no, due_at) VALUES (@user_no, @room_no, @now + 3000);
  END
  SET @unread_count = @post_count - @read_posts - @own_posts;
END
