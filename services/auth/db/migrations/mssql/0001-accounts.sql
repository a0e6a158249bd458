-- People, their passwords, what they are found by, their sessions, and the keys that sign access tokens.
-- Ids are the 16 bytes of a UUIDv7, times milliseconds since 1970. Text that is a key compares by code point.

CREATE TABLE auth.[user] (
  user_id binary(16) NOT NULL CONSTRAINT user_key PRIMARY KEY,
  username nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT user_by_username UNIQUE,
  display_name nvarchar(400) NOT NULL,
  external_id nvarchar(400) COLLATE Latin1_General_100_BIN2 NULL,
  -- Comparisons ignore spaces at the end, so ids that differ in these alone are told apart by their lengths.
  external_id_bytes AS DATALENGTH(external_id) PERSISTED,
  created_at bigint NOT NULL,
  deleted_at bigint NULL
);
CREATE UNIQUE INDEX user_by_external_id ON auth.[user] (external_id, external_id_bytes)
  WHERE external_id IS NOT NULL;

CREATE TABLE auth.credential (
  user_id binary(16) NOT NULL CONSTRAINT credential_key PRIMARY KEY
    CONSTRAINT credential_of_user REFERENCES auth.[user] (user_id),
  password_hash nvarchar(400) NOT NULL,
  revision int NOT NULL
);

-- Not unique: terms that differ only in spaces at the end count as equal. The username is repeated here so that a search
-- is answered, in its order, from this table alone.
CREATE TABLE auth.user_search (
  clipped_to int NOT NULL,
  term nvarchar(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  username nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL
);
CREATE CLUSTERED INDEX user_search_by_term ON auth.user_search (clipped_to, term, username);
CREATE INDEX user_search_by_username ON auth.user_search (username);

CREATE TABLE auth.session (
  session_id binary(16) NOT NULL CONSTRAINT session_key PRIMARY KEY,
  user_id binary(16) NOT NULL CONSTRAINT session_of_user REFERENCES auth.[user] (user_id),
  device_name nvarchar(400) NOT NULL,
  created_at bigint NOT NULL,
  last_used_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  ended_at bigint NULL,
  ended_reason nvarchar(40) NULL,
  current_token_hash varbinary(64) NOT NULL,
  previous_token_hash varbinary(64) NULL,
  successor_salt varbinary(64) NULL,
  rotated_at bigint NULL
);
CREATE INDEX session_by_user ON auth.session (user_id, created_at, session_id) WHERE ended_at IS NULL;
CREATE INDEX session_by_end ON auth.session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_by_expiry ON auth.session (expires_at);

CREATE TABLE auth.signing_key (
  kid nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT signing_key_key PRIMARY KEY,
  encrypted_private_key varbinary(1000) NOT NULL,
  public_jwk nvarchar(1000) NOT NULL,
  created_at bigint NOT NULL,
  activates_at bigint NOT NULL,
  retires_at bigint NULL
);
