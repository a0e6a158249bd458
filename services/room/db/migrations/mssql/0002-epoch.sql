-- Facts about the database: 'epoch', the id of the life of its data, which follows by the migration.

CREATE TABLE room.meta (
  name nvarchar(40) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT meta_key PRIMARY KEY,
  value nvarchar(400) NOT NULL
);
