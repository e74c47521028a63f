CREATE TABLE ${t} ();
