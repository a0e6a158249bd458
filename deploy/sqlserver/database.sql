-- The database of a Parley, once, by an administrator: sqlcmd -v Database=parley -i database.sql
-- Readers see what was committed when they began, and wait for no writer: Parley refuses a database without these.
-- Parley does not depend on the database's collation: columns whose order matters have their own.

CREATE DATABASE [$(Database)];
GO
ALTER DATABASE [$(Database)] SET READ_COMMITTED_SNAPSHOT ON;
ALTER DATABASE [$(Database)] SET ALLOW_SNAPSHOT_ISOLATION ON;
-- An acknowledged message is on the disk.
ALTER DATABASE [$(Database)] SET DELAYED_DURABILITY = DISABLED;
GO
