--! Previous: -
--! Hash: sha1:0

--!include f.sql
