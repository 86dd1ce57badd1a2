import type { IBufferCell, Terminal } from "@xterm/headless";

const cell = { width: 8.4, height: 18 };
const margin = 14;
/** Height of the bar with the command. */
const bar = 26;

const background = "#16181d";
const foreground = "#d7dae0";
/** The 16 colours of a terminal. */
const palette = [
  ...["#16181d", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf"],
  ...["#5c6370", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff"],
];

const escape = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** Cells beside each other that look the same. */
interface Span {
  column: number;
  text: string;
  style: string;
}

function styleOf(found: IBufferCell): string {
  const colour = found.isFgPalette() ? (palette[found.getFgColor()] ?? foreground) : foreground;
  const parts = [`fill="${colour}"`];
  if (found.isBold()) parts.push('font-weight="bold"');
  if (found.isDim()) parts.push('opacity="0.6"');
  return parts.join(" ");
}

function spansOf(terminal: Terminal, row: number): Span[] {
  const line = terminal.buffer.active.getLine(row);
  const spans: Span[] = [];
  for (let column = 0; line && column < terminal.cols; column++) {
    const found = line.getCell(column);
    if (!found || found.getWidth() === 0) continue;
    const text = found.getChars() || " ";
    const style = styleOf(found);
    const last = spans.at(-1);
    if (last && last.style === style) last.text += text;
    else spans.push({ column, text, style });
  }
  return spans.filter(({ text }) => text.trim() !== "");
}

/** A terminal's screen as an SVG, as high as what is on it. */
export function svg(terminal: Terminal, title: string): string {
  const { length } = terminal.buffer.active;
  const lines = Array.from({ length }, (_, row) => spansOf(terminal, row));
  const used = Math.max(1, lines.findLastIndex((spans) => spans.length > 0) + 1);
  const width = Math.ceil(terminal.cols * cell.width + 2 * margin);
  const height = Math.ceil(bar + used * cell.height + 2 * margin);
  const texts = lines.slice(0, used).flatMap((spans, row) =>
    spans.map(({ column, text, style }) => {
      const x = (margin + column * cell.width).toFixed(1);
      const y = (bar + margin + (row + 0.75) * cell.height).toFixed(1);
      return `<text x="${x}" y="${y}" textLength="${(text.length * cell.width).toFixed(1)}" ${style}>${escape(text)}</text>`;
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="100%" height="100%" rx="6" fill="${background}"/>`,
    `<text x="${margin}" y="20" font-family="monospace" font-size="13" fill="#8b919c">$ ${escape(title)}</text>`,
    `<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    ...texts,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}
