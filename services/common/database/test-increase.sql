-- Raises the numbers of three items, one after the other: for mssql-faults.test.ts.
CREATE OR ALTER PROCEDURE room.increase
  @first nvarchar(100),
  @second nvarchar(100),
  @third nvarchar(100)
AS
BEGIN
  SET NOCOUNT ON;
  SET XACT_ABORT ON;
  BEGIN TRANSACTION;
  UPDATE room.item SET number = number + 1 WHERE name = @first;
  UPDATE room.item SET number = number + 1 WHERE name = @second;
  UPDATE room.item SET number = number + 1 WHERE name = @third;
  COMMIT TRANSACTION;
END
GO
CREATE OR ALTER PROCEDURE room.count_items
AS
BEGIN
  SET NOCOUNT ON;
  SELECT COUNT(*) AS number FROM room.item;
END
