BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO erp.tenants VALUES (1, 'one.example', 'EUR'), (2, 'two.example', 'USD');
INSERT INTO hr.departments VALUES (1, 1, 'IT-01', 1), (1, 2, 'HR-01', 2), (2, 1, 'IT-01', 1);
INSERT INTO hr.employees (tenant_id, id, department_id, supervisor_id, badge, external_ref, email, salary, hired_on) VALUES
    (1, 1, 1, NULL, 100000, 'a', 'ann@one.example', 5000, '2020-01-01'), (1, 2, 2, 1, 100001, NULL, 'bob@one.example', 4000, '2021-01-01'),
    (1, 3, 1, 1, 100002, 'b', 'cid@one.example', 3000, '2022-01-01'), (2, 1, 1, NULL, 100000, 'a', 'dan@two.example', 2000, '2023-01-01');
INSERT INTO hr.employee_private VALUES (1, 1, 'DE02120300000000202051', '12345678901', 2);
INSERT INTO hr.leave_requests VALUES (1, 1, 3, 1, '2026-01-02', '2026-03-02', '2026-03-06'), (1, 2, 3, NULL, NULL, '2026-05-01', '2026-05-01');
INSERT INTO hr.timesheets VALUES (1, 1, '2026-03-02', 8, 8, 8, 8, 6.5);
INSERT INTO erp.fiscal_periods VALUES (1, 2026, 1), (1, 2026, 2);
INSERT INTO erp.cost_centres VALUES (1, 'CC-100', NULL, 'all'), (1, 'CC-110', 'CC-100', NULL), (2, 'CC-100', NULL, 'all');
INSERT INTO erp.projects VALUES (1, 'APP', 1, 'CC-110', 1000, 1100), (2, 'APP', 1, NULL, 10, 0);
INSERT INTO erp.assignments VALUES (1, 'APP', 3, 2026, 1, 0.5);
INSERT INTO erp.tasks VALUES (1, 'APP', 1, NULL, 3, 'Begin', '2 days'), (1, 'APP', 2, 1, NULL, 'Go on', DEFAULT);
INSERT INTO erp.contracts (tenant_id, current_version) VALUES (1, 2), (2, 1);
INSERT INTO erp.contract_versions VALUES (1, 1, '2025-01-01', sha256('a')), (1, 2, '2026-01-01', sha256('b')), (2, 1, '2026-01-01', sha256('c'));
INSERT INTO erp.machines VALUES ('00000000-0000-4000-8000-000000000001', 'SN0000000A', '00000000-0000-4000-8000-000000000003');
INSERT INTO erp.suppliers VALUES ('00000000-0000-4000-8000-000000000002', 'Cogs', '00000000-0000-4000-8000-000000000001');
INSERT INTO erp.parts VALUES ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000002', 12);
INSERT INTO hr.parking VALUES (1, 1, 100000, 'B AB 123');
SELECT setval('hr.departments_id_seq', 2), setval('hr.employees_id_seq', 3), setval('erp.tenants_id_seq', 2);
COMMIT;
