-- depends: 0000.z
SELECT 1;
