-- The table of database.test.ts.
CREATE TABLE room.item (
  item_id binary(16) NOT NULL CONSTRAINT item_key PRIMARY KEY,
  name nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT item_by_name UNIQUE,
  number bigint NULL,
  body varbinary(max) NULL
);
