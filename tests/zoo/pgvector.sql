-- An extension with a type and an access method of its own.
CREATE EXTENSION vector SCHEMA zoo;
CREATE TABLE zoo.embeddings (id integer PRIMARY KEY, e zoo.vector(3));
INSERT INTO zoo.embeddings VALUES (1, '[1,2,3]'), (2, '[0.1,-0,1e-30]'), (3, NULL);
CREATE INDEX embeddings_near ON zoo.embeddings USING hnsw (e zoo.vector_l2_ops);
