SET x.y = '
COPY a FROM stdin;
';
\restrict abc
-- stdin
CREATE TABLE a (id int, t text);
COPY public.a (id, t)
  FROM stdin
;
1	it's; $$
2	\N
\.
SELECT 1;
COPY a FROM STDIN WITH (FORMAT csv);
3,/* x
\.

\unrestrict abc
SELECT '
\set inside a string
';
-- DOWN
/*
\set in a comment
*/
