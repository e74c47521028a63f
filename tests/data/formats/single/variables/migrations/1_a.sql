-- :'no'
CREATE ROLE :"who" PASSWORD :'word';
SELECT ':x', (ARRAY[1,2])[1:n], 1::int, :x;
-- DOWN
/* DROP ROLE :"who"; */
