-- The head of someone's feed, and those of the rooms they are in.
CREATE OR ALTER PROCEDURE message.user_state
  @user_id binary(16)
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @user_no int;
  SELECT @user_no = user_no FROM message.person WHERE user_id = @user_id;
  SELECT feed_seq FROM message.person WHERE user_no = @user_no;
  SELECT room.room_id, room.head_seq
  FROM message.member AS member JOIN message.room AS room ON room.room_no = member.room_no
  WHERE member.user_no = @user_no AND room.deleted_at IS NULL
  ORDER BY room.room_no;
END
GO
-- The heads of rooms and of people's feeds, by their places in the lists; those that don't exist are left out. The lists
-- are JSON, {place, id}, where `id` is counted in @ids, of 16 bytes each, from 1.
CREATE OR ALTER PROCEDURE message.heads
  @rooms nvarchar(max),
  @people nvarchar(max),
  @ids varbinary(max)
AS
BEGIN
  SET NOCOUNT ON;
  DECLARE @room TABLE (place int NOT NULL PRIMARY KEY, room_id binary(16) NOT NULL);
  DECLARE @person TABLE (place int NOT NULL PRIMARY KEY, user_id binary(16) NOT NULL);
  INSERT INTO @room (place, room_id)
  SELECT given.place, CAST(SUBSTRING(@ids, given.id * 16 - 15, 16) AS binary(16))
  FROM OPENJSON(@rooms) WITH (place int '$.place', id int '$.id') AS given;
  INSERT INTO @person (place, user_id)
  SELECT given.place, CAST(SUBSTRING(@ids, given.id * 16 - 15, 16) AS binary(16))
  FROM OPENJSON(@people) WITH (place int '$.place', id int '$.id') AS given;

  SELECT asked.place, room.head_seq AS number, room.version
  FROM @room AS asked JOIN message.room AS room ON room.room_id = asked.room_id;
  SELECT asked.place, person.feed_seq AS number
  FROM @person AS asked JOIN message.person AS person ON person.user_id = asked.user_id;
END
GO
-- The id of this life of the data.
CREATE OR ALTER PROCEDURE message.epoch
AS
BEGIN
  SET NOCOUNT ON;
  SELECT value FROM message.meta WHERE name = 'epoch';
END
