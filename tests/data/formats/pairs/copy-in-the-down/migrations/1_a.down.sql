SELECT 2;
COPY a FROM stdin;
1
\.
