-- Reads run on one snapshot, in a transaction of their caller's.

-- The events of a room after a seq up to another, and the room's head. Without a user nobody asks who reads; with one,
-- who is in the room gets an answer. @backward: the page is the end of the range and not its beginning.
CREATE OR ALTER PROCEDURE message.read_timeline
  @room_id binary(16),
  @user_id binary(16) = NULL,
  @after bigint = NULL,
  @before bigint = NULL,
  @limit int
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @room_no int, @head_seq bigint, @up_to bigint, @from bigint, @start bigint, @end bigint;
  SELECT @room_no = room.room_no, @head_seq = room.head_seq
  FROM message.room AS room
  WHERE room.room_id = @room_id AND (@user_id IS NULL OR (room.deleted_at IS NULL AND EXISTS (
    SELECT 1 FROM message.member AS member
    JOIN message.person AS person ON person.user_no = member.user_no
    WHERE member.room_no = room.room_no AND person.user_id = @user_id)));
  SET @up_to = CASE
    WHEN @before IS NULL OR @before - 1 > @head_seq THEN @head_seq
    WHEN @before < 1 THEN 0
    ELSE @before - 1
  END;
  SET @from = CASE WHEN COALESCE(@after, 0) < @up_to THEN COALESCE(@after, 0) ELSE @up_to END;
  SELECT @start = @from, @end = @up_to;
  IF @after IS NULL AND @up_to - @limit > @from SET @start = @up_to - @limit;
  IF @after IS NOT NULL AND @from + @limit < @up_to SET @end = @from + @limit;

  SELECT @head_seq AS head_seq, CASE WHEN @start > @from OR @end < @up_to THEN 1 ELSE 0 END AS has_more
  WHERE @room_no IS NOT NULL;
  SELECT event.seq, event.kind, actor.user_id AS actor_id, event.[at], event.reply_to_seq, event.target_seq,
    subject.user_id AS subject_id, event.role, event.client_id, event.emoji, event.name, event.topic, event.[text]
  FROM message.event AS event
  JOIN message.person AS actor ON actor.user_no = event.actor_no
  LEFT JOIN message.person AS subject ON subject.user_no = event.subject_no
  WHERE event.room_no = @room_no AND event.seq > @start AND event.seq <= @end
  ORDER BY event.seq;
END
