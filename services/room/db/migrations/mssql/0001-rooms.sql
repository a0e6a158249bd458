-- Rooms, members, the log of their changes, invitations, and what announces the changes.
-- Ids are the 16 bytes of a UUIDv7, times milliseconds since 1970, roles and kinds the numbers of their Protobuf enums.

CREATE TABLE room.room (
  room_id binary(16) NOT NULL CONSTRAINT room_key PRIMARY KEY,
  kind int NOT NULL,
  name nvarchar(400) NOT NULL,
  topic nvarchar(4000) NOT NULL,
  creator_id binary(16) NOT NULL,
  created_at bigint NOT NULL,
  client_id nvarchar(64) COLLATE Latin1_General_100_BIN2 NULL,
  content_hash varbinary(64) NULL,
  pair_key binary(32) NULL,
  version bigint NOT NULL,
  applied_version bigint NOT NULL,
  pending_since bigint NULL,
  changed_at bigint NOT NULL,
  member_count int NOT NULL,
  owner_count int NOT NULL,
  invitation_count bigint NOT NULL,
  deleted_at bigint NULL
);
CREATE UNIQUE INDEX room_by_client_id ON room.room (creator_id, client_id) WHERE client_id IS NOT NULL;
CREATE UNIQUE INDEX room_by_pair ON room.room (pair_key) WHERE pair_key IS NOT NULL;
CREATE INDEX room_pending ON room.room (pending_since, room_id) WHERE pending_since IS NOT NULL;

CREATE TABLE room.member (
  room_id binary(16) NOT NULL,
  user_id binary(16) NOT NULL,
  role int NOT NULL,
  joined_at bigint NOT NULL,
  ordinal bigint NOT NULL,
  CONSTRAINT member_key PRIMARY KEY (room_id, user_id)
);
CREATE UNIQUE INDEX member_by_ordinal ON room.member (room_id, ordinal);
CREATE UNIQUE INDEX member_by_user ON room.member (user_id, room_id);

CREATE TABLE room.person (
  user_id binary(16) NOT NULL CONSTRAINT person_key PRIMARY KEY,
  room_count int NOT NULL
);

CREATE TABLE room.room_change (
  room_id binary(16) NOT NULL,
  version bigint NOT NULL,
  change_id binary(16) NOT NULL,
  call_version bigint NOT NULL,
  actor_id binary(16) NOT NULL,
  [at] bigint NOT NULL,
  body varbinary(max) NOT NULL,
  CONSTRAINT room_change_key PRIMARY KEY (room_id, version)
);

CREATE TABLE room.invitation (
  invitation_id binary(16) NOT NULL CONSTRAINT invitation_key PRIMARY KEY,
  room_id binary(16) NOT NULL,
  ordinal bigint NOT NULL,
  creator_id binary(16) NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  max_uses int NULL,
  uses int NOT NULL,
  user_id binary(16) NULL,
  code_hash varbinary(64) NULL,
  client_id nvarchar(64) COLLATE Latin1_General_100_BIN2 NULL,
  content_hash varbinary(64) NULL,
  ended_at bigint NULL
);
CREATE UNIQUE INDEX invitation_by_room ON room.invitation (room_id, ordinal);
CREATE INDEX invitation_open ON room.invitation (room_id, ordinal) WHERE ended_at IS NULL;
CREATE INDEX invitation_expiring ON room.invitation (expires_at) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX invitation_by_client_id ON room.invitation (room_id, creator_id, client_id)
  WHERE client_id IS NOT NULL;

CREATE TABLE room.invitation_code (
  code_hash binary(32) NOT NULL CONSTRAINT invitation_code_key PRIMARY KEY,
  invitation_id binary(16) NOT NULL,
  room_id binary(16) NOT NULL
);
CREATE INDEX invitation_code_by_room ON room.invitation_code (room_id);

CREATE TABLE room.removal_bar (
  room_id binary(16) NOT NULL,
  user_id binary(16) NOT NULL,
  through_ordinal bigint NOT NULL,
  CONSTRAINT removal_bar_key PRIMARY KEY (room_id, user_id)
);

-- What is committed and not yet announced on the event log. Ids are handed out before the commit and are never used twice.
CREATE TABLE room.outbox (
  id bigint IDENTITY NOT NULL CONSTRAINT outbox_key PRIMARY KEY,
  topic nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
  [key] binary(16) NOT NULL,
  first_number bigint NOT NULL,
  last_number bigint NOT NULL,
  created_at bigint NOT NULL
);

-- Who of several processes does something that one is to do at a time.
CREATE TABLE room.lease (
  name nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT lease_key PRIMARY KEY,
  holder binary(16) NOT NULL,
  expires_at bigint NOT NULL
);
