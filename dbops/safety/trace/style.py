"""How the page of a trace looks: light, dark, on paper."""

CSS = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --shade: #f3f5f7;
  --good: #116329; --bad: #a40e26; --band: #dde3ea; --all: #b3261e; --writes: #a34300; --vacuum: #1d5fa8;
  --schema: #57606a; --on: #fff; }
@media screen and (prefers-color-scheme: dark) {
  :root { --back: #14171c; --text: #e6e9ee; --soft: #a5afbb; --line: #3a424d; --shade: #1c2128; --good: #6fdd8b;
    --bad: #ff9c9c; --band: #333c47; --all: #ff8a80; --writes: #ffb74d; --vacuum: #8ab4f8; --schema: #b0bec5;
    --on: #14171c; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 84rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.25rem; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1.05rem; }
h1, h2, h3, p, li, dd { overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); } .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
ul { margin: .25rem 0; padding-left: 1.25rem; }
.wide { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; } td.count { text-align: right; white-space: nowrap; }
td ul { padding: 0; margin: 0; list-style: none; } td li { overflow-wrap: break-word; max-width: 26rem; }
td p { margin: 0; } td pre { min-width: 22rem; }
pre { margin: 0; max-height: 14em; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .85rem/1.45 ui-monospace, monospace; }
summary { cursor: pointer; }
svg { display: block; font: 11px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .small { fill: var(--soft); } svg .version { font-weight: 600; }
svg .number { font-size: 10px; } svg .plain { fill: var(--back); } svg .shaded { fill: var(--shade); }
svg .statement { fill: var(--band); } svg .grid { stroke: var(--line); stroke-width: .5; }
svg .all { fill: var(--all); } svg .writes { fill: var(--writes); } svg .vacuum { fill: var(--vacuum); }
svg .schema { fill: var(--schema); } svg .lock { stroke: var(--back); stroke-width: 1; }
svg .sampled { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 3 3; }
svg text.on { fill: var(--on); font-size: 10px; }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0; padding: 0; list-style: none; }
.key svg { display: inline-block; vertical-align: -2px; }
@media print {
  body { max-width: none; padding: 0; } pre { max-height: none; } tr, h2, h3 { break-inside: avoid; }
  .wide { overflow: visible; } .wide > svg { width: 100%; height: auto; }
}
"""
