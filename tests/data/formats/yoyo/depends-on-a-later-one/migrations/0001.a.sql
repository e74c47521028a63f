-- depends: 0002.b
SELECT 1;
