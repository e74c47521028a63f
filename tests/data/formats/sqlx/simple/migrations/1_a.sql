-- no-transaction
CREATE TABLE a ();
