SET search_path = ledger;
INSERT INTO accounts (id, number, name, kind, normal_side, currency, parent) VALUES
    (1, '100000', 'Cash', 'asset', 'debit', 'EUR', NULL), (2, '400000', 'Sales', 'income', 'credit', 'USD', NULL), (3, '100100', 'Petty cash', 'asset', 'debit', 'EUR', 1);
SELECT setval('accounts_id_seq', 3);
INSERT INTO parties (person_name, company_name, vat_id, country, credit_limit, rating) VALUES
    ('Ann', NULL, NULL, 'DE', NULL, NULL), (NULL, 'Cogs', 'FR123', 'FR', 500, 'AA');
INSERT INTO periods VALUES ('2026-01-01', '2026-01-31', 'closed', 'ann', '2026-02-03'), ('2026-02-01', '2026-02-28', 'open', NULL, NULL);
INSERT INTO journals (period, document, kind, corrects, reason) VALUES ('2026-01-01', 'd1', 'invoice', NULL, NULL), ('2026-02-01', 'd2', 'correction', 1, 'typing error');
INSERT INTO entries VALUES (1, 1, 1, 'EUR', 10, NULL, NULL), (1, 2, 2, 'USD', NULL, 11, 1.1);
INSERT INTO invoices VALUES ('RE-2026-00001', 1, '2026-01-10', '2026-02-10', NULL, 119, 19, 1), ('GU-2026-00001', 2, '2026-01-10', '2026-01-10', '2026-01-12', 0, 0, 0);
INSERT INTO invoice_lines (invoice, line, quantity, unit_price, vat_rate) VALUES ('RE-2026-00001', 1, 2, 50, 19);
INSERT INTO cost_keys VALUES ('SALE', 33.33, 33.33, 33.34), ('HOME', 100, 0, 0);
INSERT INTO budgets VALUES (2, 2026, 10, 20, 30, 40.5, 100.5, 5);
INSERT INTO assets (label, bought_on, used_from, sold_on, cost, residual, life_years, method) VALUES
    ('Van', '2024-01-01', '2024-01-01', NULL, 30000, 1, 5, 'declining'), ('Hall', '2010-01-01', '2010-05-01', '2025-01-01', 900000, 1, 33, 'linear');
INSERT INTO exchange_rates VALUES ('EUR', 'USD', '2026-01-05', 1.0810, 1.0811, 1.0812);
INSERT INTO rate_versions VALUES ('base', '2025-01-01', '2026-01-01', 0.02), ('base', '2026-01-01', NULL, 0.0225);
INSERT INTO petty_cash (account_id, amount, what) VALUES (3, -12.5, 'stamps'), (3, 100, 'from the bank');
INSERT INTO tags VALUES ('Tax', 1), ('vat', NULL);
RESET search_path;
