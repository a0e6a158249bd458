-- Someone's rooms, those with the latest activity first, after a place in that order; up to one more than @limit. With the
-- last message of each that stands, and its reactions. Sorted anew for each page: an order by activity that were kept
-- would cost every event a write per member.
CREATE OR ALTER PROCEDURE message.list_inbox
  @user_id binary(16),
  @after_at bigint,
  @after_room_id binary(16) = NULL,
  @limit int
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @user_no int;
  DECLARE @page TABLE (
    room_no int NOT NULL PRIMARY KEY,
    room_id binary(16) NOT NULL,
    head_seq bigint NOT NULL,
    head_at bigint NOT NULL,
    standing_seq bigint NOT NULL,
    read_seq bigint NOT NULL,
    unread_count bigint NOT NULL
  );
  SELECT @user_no = user_no FROM message.person WHERE user_id = @user_id;

  INSERT INTO @page (room_no, room_id, head_seq, head_at, standing_seq, read_seq, unread_count)
  SELECT TOP (@limit + 1) room.room_no, room.room_id, room.head_seq, room.head_at, room.last_standing_seq,
    member.read_seq, room.post_count - member.read_posts - member.own_posts
  FROM message.member AS member JOIN message.room AS room ON room.room_no = member.room_no
  WHERE member.user_no = @user_no AND room.deleted_at IS NULL
    AND (room.head_at < @after_at OR (room.head_at = @after_at AND room.room_id < @after_room_id))
  ORDER BY room.head_at DESC, room.room_id DESC;

  SELECT room_no, room_id, head_seq, head_at, read_seq, unread_count FROM @page ORDER BY head_at DESC, room_id DESC;
  SELECT standing.room_no, standing.seq, standing.author_id, standing.client_id, standing.[text], standing.[at],
    standing.edited_at, standing.deleted_at, standing.reply_to_seq
  FROM @page AS page
  JOIN message.standing AS standing ON standing.room_no = page.room_no AND standing.seq = page.standing_seq;
  SELECT counted.room_no, counted.message_seq, counted.emoji, counted.people,
    CASE WHEN mine.user_no IS NULL THEN 0 ELSE 1 END AS mine
  FROM @page AS page
  JOIN message.reaction_count AS counted
    ON counted.room_no = page.room_no AND counted.message_seq = page.standing_seq
  LEFT JOIN message.reaction AS mine
    ON mine.room_no = counted.room_no AND mine.message_seq = counted.message_seq AND mine.emoji = counted.emoji
      AND mine.user_no = @user_no AND mine.present = 1
  ORDER BY counted.room_no, counted.first_seq;
END
GO
-- Someone's feed after a seq, with its head and the first seq that is kept.
CREATE OR ALTER PROCEDURE message.read_feed
  @user_id binary(16),
  @after bigint,
  @limit int
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @user_no int;
  SELECT @user_no = user_no FROM message.person WHERE user_id = @user_id;
  SELECT feed_seq, feed_first_seq FROM message.person WHERE user_no = @user_no;
  SELECT TOP (@limit) feed.seq, feed.[at], feed.kind, feed.number, feed.invitation_id, room.room_id
  FROM message.feed AS feed JOIN message.room AS room ON room.room_no = feed.room_no
  WHERE feed.user_no = @user_no AND feed.seq > @after
  ORDER BY feed.seq;
END
