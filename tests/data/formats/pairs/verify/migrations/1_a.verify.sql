-- expect zero
SELECT count(*) FROM a;
