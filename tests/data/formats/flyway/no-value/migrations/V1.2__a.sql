-- one
SELECT '${a}';
