-- Timelines, who is in them, their projections, feeds, and what is left to be done in the background.
-- Times are milliseconds since 1970. What the columns mean is in tables.ts; kinds, roles and reasons are in types.ts.

CREATE TABLE message.meta (
  name nvarchar(40) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT meta_key PRIMARY KEY,
  value nvarchar(400) NOT NULL
);

CREATE TABLE message.room (
  room_no int IDENTITY NOT NULL CONSTRAINT room_key PRIMARY KEY,
  room_id binary(16) NOT NULL CONSTRAINT room_by_id UNIQUE,
  version bigint NOT NULL,
  head_seq bigint NOT NULL,
  head_at bigint NOT NULL,
  post_count bigint NOT NULL,
  last_post_seq bigint NOT NULL,
  last_standing_seq bigint NOT NULL,
  deleted_at bigint NULL
);

CREATE TABLE message.person (
  user_no int IDENTITY NOT NULL CONSTRAINT person_key PRIMARY KEY,
  user_id binary(16) NOT NULL CONSTRAINT person_by_id UNIQUE,
  feed_seq bigint NOT NULL,
  feed_first_seq bigint NOT NULL
);

CREATE TABLE message.member (
  room_no int NOT NULL,
  user_no int NOT NULL,
  role int NOT NULL,
  read_seq bigint NOT NULL,
  read_posts bigint NOT NULL,
  own_posts bigint NOT NULL,
  CONSTRAINT member_key PRIMARY KEY (room_no, user_no)
);
CREATE INDEX member_by_user ON message.member (user_no, room_no);

CREATE TABLE message.room_change (
  room_no int NOT NULL,
  version bigint NOT NULL,
  change_id binary(16) NOT NULL,
  CONSTRAINT room_change_key PRIMARY KEY (room_no, version)
);

-- In the order in which they are read. Here posts have an index of their own.
CREATE TABLE message.event (
  room_no int NOT NULL,
  seq bigint NOT NULL,
  kind int NOT NULL,
  actor_no int NOT NULL,
  [at] bigint NOT NULL,
  post_no bigint NOT NULL,
  prev_post_seq bigint NOT NULL,
  reply_to_seq bigint NULL,
  prev_standing_seq bigint NULL,
  edit_seq bigint NULL,
  deleted_seq bigint NULL,
  target_seq bigint NULL,
  subject_no int NULL,
  role int NULL,
  client_id nvarchar(100) COLLATE Latin1_General_100_BIN2 NULL,
  emoji nvarchar(64) COLLATE Latin1_General_100_BIN2 NULL,
  name nvarchar(400) NULL,
  topic nvarchar(4000) NULL,
  [text] nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,
  CONSTRAINT event_key PRIMARY KEY (room_no, seq)
);
CREATE UNIQUE INDEX event_by_client_id ON message.event (room_no, actor_no, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX event_posts ON message.event (room_no, seq) INCLUDE (actor_no) WHERE kind = 5;

CREATE TABLE message.reaction (
  room_no int NOT NULL,
  message_seq bigint NOT NULL,
  emoji nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
  user_no int NOT NULL,
  event_seq bigint NOT NULL,
  present int NOT NULL,
  CONSTRAINT reaction_key PRIMARY KEY (room_no, message_seq, emoji, user_no)
);

CREATE TABLE message.reaction_count (
  room_no int NOT NULL,
  message_seq bigint NOT NULL,
  emoji nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
  people int NOT NULL,
  first_seq bigint NOT NULL,
  CONSTRAINT reaction_count_key PRIMARY KEY (room_no, message_seq, emoji)
);

CREATE TABLE message.feed (
  user_no int NOT NULL,
  seq bigint NOT NULL,
  [at] bigint NOT NULL,
  kind int NOT NULL,
  room_no int NOT NULL,
  number bigint NOT NULL,
  invitation_id binary(16) NULL,
  CONSTRAINT feed_key PRIMARY KEY (user_no, seq)
);
CREATE INDEX feed_by_age ON message.feed ([at]);

CREATE TABLE message.feed_due (
  user_no int NOT NULL,
  room_no int NOT NULL,
  due_at bigint NOT NULL,
  CONSTRAINT feed_due_key PRIMARY KEY (user_no, room_no)
);
CREATE INDEX feed_due_by_time ON message.feed_due (due_at);

CREATE TABLE message.deleted_room (
  room_no int NOT NULL CONSTRAINT deleted_room_key PRIMARY KEY,
  announced int NOT NULL,
  erased_seq bigint NOT NULL
);

CREATE TABLE message.deleted_message (
  room_no int NOT NULL,
  message_seq bigint NOT NULL,
  CONSTRAINT deleted_message_key PRIMARY KEY (room_no, message_seq)
);

-- What is committed and not yet announced on the event log. Ids are handed out before the commit and are never used twice.
CREATE TABLE message.outbox (
  id bigint IDENTITY NOT NULL CONSTRAINT outbox_key PRIMARY KEY,
  topic nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
  [key] binary(16) NOT NULL,
  first_number bigint NOT NULL,
  last_number bigint NOT NULL,
  created_at bigint NOT NULL
);

-- Who of several processes does something that one is to do at a time.
CREATE TABLE message.lease (
  name nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT lease_key PRIMARY KEY,
  holder binary(16) NOT NULL,
  expires_at bigint NOT NULL
);
