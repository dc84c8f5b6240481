// A small writer of line charts as SVG: panels side by side, a logarithmic x axis, y from 0, one legend for all.

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {[x: number, y: number][]} points
 *
 * @typedef {object} Panel
 * @property {string} title
 * @property {string} x label of the axis
 * @property {Line[]} lines
 */

const PANEL = { width: 440, height: 260 };
const MARGIN = { top: 104, right: 28, bottom: 84, left: 62 };
/** Told apart also by those who see few colours; the shapes tell the lines apart in print. */
const STYLES = [
  { color: '#1d4ed8', shape: 'circle' },
  { color: '#c2410c', shape: 'square' },
  { color: '#6b7280', shape: 'diamond' },
  { color: '#047857', shape: 'triangle' },
];

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** @param {number} n */
const short = (n) => (n >= 1e6 ? `${n / 1e6}M` : n >= 1e3 ? `${n / 1e3}k` : String(n));

/** Round steps from 0 to at least `max`, about five. @param {number} max */
function ticks(max) {
  const rough = max / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, i) => i * step);
}

/** @param {string} shape @param {number} x @param {number} y @param {string} color */
function mark(shape, x, y, color) {
  const d = {
    circle: `M ${x - 4} ${y} a 4 4 0 1 0 8 0 a 4 4 0 1 0 -8 0`,
    square: `M ${x - 3.6} ${y - 3.6} h 7.2 v 7.2 h -7.2 z`,
    diamond: `M ${x} ${y - 5} l 5 5 l -5 5 l -5 -5 z`,
    triangle: `M ${x} ${y - 5} l 4.8 8.6 h -9.6 z`,
  }[shape];
  return `<path d="${d}" fill="${color}" stroke="#fff" stroke-width="1.5"/>`;
}

/** @param {string} content @param {number} x @param {number} y @param {string} [attributes] */
const label = (content, x, y, attributes = '') => `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`;

/** @param {Panel} panel @param {number} left */
function drawPanel({ title, x, lines }, left) {
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const ys = ticks(Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value))));
  const [low, high] = [Math.log(xs[0]), Math.log(xs[xs.length - 1])];
  const bottom = MARGIN.top + PANEL.height;
  const right = left + PANEL.width;
  const atX = (/** @type {number} */ value) => left + ((Math.log(value) - low) / (high - low)) * PANEL.width;
  const atY = (/** @type {number} */ value) => bottom - (value / ys[ys.length - 1]) * PANEL.height;
  return [
    label(title, left, MARGIN.top - 16, 'class="panel"'),
    ...ys.flatMap((value) => [
      `<path d="M ${left} ${atY(value)} H ${right}" stroke="${value === 0 ? '#9ca3af' : '#e5e7eb'}"/>`,
      label(value.toLocaleString('en'), left - 8, atY(value) + 4, 'text-anchor="end"'),
    ]),
    ...xs.flatMap((value) => [
      `<path d="M ${atX(value)} ${bottom} v 5" stroke="#9ca3af"/>`,
      label(short(value), atX(value), bottom + 20, 'text-anchor="middle"'),
    ]),
    label(x, (left + right) / 2, bottom + 44, 'text-anchor="middle"'),
    ...lines.flatMap(({ points }, i) => {
      const { color, shape } = STYLES[i];
      const path = points.map(([px, py]) => `${atX(px).toFixed(1)} ${atY(py).toFixed(1)}`).join(' L ');
      return [
        `<path d="M ${path}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`,
        ...points.map(([px, py]) => mark(shape, Number(atX(px).toFixed(1)), Number(atY(py).toFixed(1)), color)),
      ];
    }),
  ];
}

/**
 * @param {object} chart
 * @param {string} chart.title
 * @param {string} chart.subtitle
 * @param {Panel[]} chart.panels with the same lines in the same order
 * @returns {string} SVG
 */
export function lineCharts({ title, subtitle, panels }) {
  const pitch = MARGIN.left + PANEL.width + MARGIN.right;
  const width = pitch * panels.length;
  const height = MARGIN.top + PANEL.height + MARGIN.bottom;
  const legend = panels[0].lines.flatMap(({ name }, i) => {
    const { color, shape } = STYLES[i];
    const at = MARGIN.left + 150 * i;
    const y = height - 14;
    return [
      `<path d="M ${at} ${y - 4} h 24" stroke="${color}" stroke-width="2"/>`,
      mark(shape, at + 12, y - 4, color),
      label(name, at + 32, y),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>text { font: 12px system-ui, sans-serif; fill: #4b5563 } .title { font-size: 18px; font-weight: 600; fill: #111827 } .panel { font-size: 13px; font-weight: 600; fill: #111827 }</style>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    label(title, MARGIN.left, 34, 'class="title"'),
    label(subtitle, MARGIN.left, 56),
    ...panels.flatMap((panel, i) => drawPanel(panel, MARGIN.left + pitch * i)),
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}
