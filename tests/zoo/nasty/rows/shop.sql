INSERT INTO settings VALUES (true, 'Corner Shop', '09:00', '18:30');
INSERT INTO mail_templates VALUES (true, 'Your order'), (false, 'Thank you');
INSERT INTO loyalty_rules VALUES ('none', 0, '#000000'), ('gold', 12.5, '#ffd700');
INSERT INTO countries VALUES ('DE', 'Germany', 0.19), ('NL', 'Netherlands', 0.21), ('FR', 'France', 0.2);
INSERT INTO customers (id, email, first_name, last_name, phone, tier, wants_mail, wants_mail_since, created_at, updated_at) VALUES
    (1, 'Ann@shop.example', 'Ann', 'Ames', '+493012345678', 'gold', true, '2026-02-01', '2026-01-01', '2026-02-01'),
    (2, 'ben@shop.example', 'Ben', 'Bold', NULL, 'none', false, NULL, '2026-01-01', '2026-01-01');
SELECT setval('customers_id_seq', 2);
INSERT INTO customer_addresses VALUES
    (1, 1, true, 'Elm St 1', 'Berlin', '10115', 'DE'), (1, 2, false, 'Elm St 2', 'Delft', '2611 AB', 'NL'),
    (2, 1, true, 'Oak St 3', 'Lyon', '69001', 'FR');
INSERT INTO categories (parent_id, depth, slug) VALUES (NULL, 0, 'clothes'), (1, 1, 't-shirts');
INSERT INTO products (sku, barcode, category_id, name, attributes, price, list_price, vat, released_on, discontinued_on) VALUES
    ('TSH-0001', '4000000000017', 2, 'T-shirt', '{"weight_g": 180, "fair": true}', 10, 15, 0.19, '2025-01-01', NULL),
    ('TSH-0002', '4000000000017', 2, 'Old T-shirt', '{"weight_g": 170.5}', 10, 10, 0.07, '2024-01-01', '2025-01-01');
INSERT INTO product_variants VALUES (1, 1, 'M', 'black', NULL), (1, 2, 'M', 'red', 'x1'), (2, 1, 'S', 'white', NULL);
INSERT INTO product_prices VALUES (1, 1, 'EUR', '2025-01-01', '2026-01-01', 12), (1, 1, 'EUR', '2026-01-01', NULL, 10);
INSERT INTO warehouses VALUES ('BER', 52.520008, 13.404954);
INSERT INTO stock VALUES ('BER', 1, 1, 20, 3);
INSERT INTO coupons VALUES
    ('SPRING26', 10, NULL, 0, 5, '[2026-03-01,2026-06-01)'), ('FIVE4ALL', NULL, 5.00, 7, NULL, '[2026-01-01,)');
INSERT INTO orders (customer_id, ship_address_no, bill_address_no, coupon, status, placed_at, paid_at, shipped_at, cancelled_at, cancel_reason) VALUES
    (1, 1, 2, 'SPRING26', 'shipped', '2026-03-02', '2026-03-02', '2026-03-03', NULL, NULL),
    (2, 1, NULL, NULL, 'cancelled', '2026-03-02', NULL, NULL, '2026-03-04', 'changed my mind');
INSERT INTO order_lines VALUES (1, 1, 1, 1, 2, 10, 10), (1, 2, 2, 1, 1, 10, DEFAULT);
INSERT INTO payments (order_id, method, card_last4, iban, provider, provider_ref, paid, refunded) VALUES
    (1, 'card', '1234', NULL, 'acquirer', 'p-1', 28, 0), (1, 'transfer', NULL, 'DE02120300000000202051', 'bank', 'p-1', 5, 5);
INSERT INTO reviews VALUES (1, 1, 5, 'Fits', 'As it should'), (1, 2, 1, NULL, NULL);
