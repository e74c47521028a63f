SELECT '${a}';
