-- A page of a room's messages, with their reactions as the user sees them: with @after its beginning, without it its end,
-- up to one more than @limit. Answers nothing at all to who isn't in the room.
CREATE OR ALTER PROCEDURE message.list_messages
  @room_id binary(16),
  @user_id binary(16),
  @after bigint = NULL,
  @before bigint = NULL,
  @limit int
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @room_no int, @user_no int;
  DECLARE @post TABLE (seq bigint NOT NULL PRIMARY KEY);
  SELECT @room_no = room.room_no, @user_no = member.user_no
  FROM message.room AS room
  JOIN message.member AS member ON member.room_no = room.room_no
  JOIN message.person AS person ON person.user_no = member.user_no
  WHERE room.room_id = @room_id AND room.deleted_at IS NULL AND person.user_id = @user_id;
  SELECT @room_no AS room_no WHERE @room_no IS NOT NULL;

  IF @after IS NULL
    INSERT INTO @post (seq)
    SELECT TOP (@limit + 1) seq FROM message.event
    WHERE room_no = @room_no AND kind = 5 AND seq < COALESCE(@before, 9007199254740991)
    ORDER BY seq DESC;
  ELSE
    INSERT INTO @post (seq)
    SELECT TOP (@limit + 1) seq FROM message.event
    WHERE room_no = @room_no AND kind = 5 AND seq > @after AND seq < COALESCE(@before, 9007199254740991)
    ORDER BY seq;

  SELECT standing.room_no, standing.seq, standing.author_id, standing.client_id, standing.[text], standing.[at],
    standing.edited_at, standing.deleted_at, standing.reply_to_seq
  FROM @post AS post JOIN message.standing AS standing ON standing.room_no = @room_no AND standing.seq = post.seq
  ORDER BY standing.seq;
  SELECT counted.room_no, counted.message_seq, counted.emoji, counted.people,
    CASE WHEN mine.user_no IS NULL THEN 0 ELSE 1 END AS mine
  FROM @post AS post
  JOIN message.reaction_count AS counted ON counted.room_no = @room_no AND counted.message_seq = post.seq
  LEFT JOIN message.reaction AS mine
    ON mine.room_no = counted.room_no AND mine.message_seq = counted.message_seq AND mine.emoji = counted.emoji
      AND mine.user_no = @user_no AND mine.present = 1
  ORDER BY counted.message_seq, counted.first_seq;
END
