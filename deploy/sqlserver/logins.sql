-- The login that Parley's processes use, with no more rights than they need. After the first `parley migrate`, by an
-- administrator:
--
--   sqlcmd -v Database=parley Login=parley Password='…' -i logins.sql
--
-- `parley migrate` itself makes schemas, tables, and keys: run it with another login, a member of db_owner (or
-- db_ddladmin with ALTER, SELECT, INSERT on the schemas), before the processes of a new version are started. They find
-- nothing to migrate then, and need no such right.

CREATE LOGIN [$(Login)] WITH PASSWORD = N'$(Password)', DEFAULT_DATABASE = [$(Database)];
GO
USE [$(Database)];
GO
CREATE USER [$(Login)] FOR LOGIN [$(Login)];

-- Auth and Room write their tables by queries.
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::auth TO [$(Login)];
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::room TO [$(Login)];

-- Message calls procedures, which belong to whom the tables belong to and so need no right of their caller's to them.
-- What it asks by queries is what is left to be announced, and who does that.
GRANT EXECUTE ON SCHEMA::message TO [$(Login)];
GRANT SELECT, DELETE ON message.outbox TO [$(Login)];
GRANT SELECT, INSERT, UPDATE ON message.lease TO [$(Login)];
GRANT SELECT ON message.kysely_migration TO [$(Login)];

-- The notes of what was migrated are read, not written.
DENY INSERT, UPDATE, DELETE ON auth.kysely_migration TO [$(Login)];
DENY INSERT, UPDATE, DELETE ON room.kysely_migration TO [$(Login)];
GO
