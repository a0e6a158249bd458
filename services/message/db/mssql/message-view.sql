-- Messages as they stand, by the seqs of their posts.
CREATE OR ALTER VIEW message.standing AS
SELECT post.room_no, post.seq, author.user_id AS author_id, post.client_id,
  CASE WHEN edit.seq IS NULL THEN post.[text] ELSE edit.[text] END AS [text],
  post.[at], edit.[at] AS edited_at, deletion.[at] AS deleted_at, post.reply_to_seq
FROM message.event AS post
JOIN message.person AS author ON author.user_no = post.actor_no
LEFT JOIN message.event AS edit ON edit.room_no = post.room_no AND edit.seq = post.edit_seq
LEFT JOIN message.event AS deletion ON deletion.room_no = post.room_no AND deletion.seq = post.deleted_seq
WHERE post.kind = 5;
