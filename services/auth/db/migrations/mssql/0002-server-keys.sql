-- Keys of applications that embed Parley.

CREATE TABLE auth.server_key (
  key_id binary(16) NOT NULL CONSTRAINT server_key_key PRIMARY KEY,
  name nvarchar(400) NOT NULL,
  key_hash binary(32) NOT NULL CONSTRAINT server_key_by_hash UNIQUE,
  scopes nvarchar(1000) NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NULL,
  revoked_at bigint NULL,
  last_used_at bigint NULL
);
