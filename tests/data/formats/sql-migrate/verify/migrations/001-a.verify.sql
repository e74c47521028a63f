SELECT count(*) = 0 FROM a;
