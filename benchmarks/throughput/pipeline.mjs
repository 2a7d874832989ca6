// The same in Node: nunjucks, juice and nodemailer with its pool, ten connections. The same two templates.
//
//     NODE_MODULES=FOLDER node pipeline.mjs LETTERS PORT MESSAGES REPORT
//
// FOLDER is the node_modules folder with the three packages.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const CONNECTIONS = 10;
const require = createRequire(`${process.env.NODE_MODULES}/`);
const nunjucks = require("nunjucks");
const { default: juice } = require("juice");
const nodemailer = require("nodemailer");

const [path, port, messages, report] = process.argv.slice(2);
const letters = JSON.parse(readFileSync(path, "utf8"));
const loader = new nunjucks.FileSystemLoader(dirname(fileURLToPath(import.meta.url)));
const html = new nunjucks.Environment(loader, { autoescape: true });
const text = new nunjucks.Environment(loader, { autoescape: false });

const began = performance.now();
const used = process.cpuUsage();
const relay = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(port),
  secure: false,
  ignoreTLS: true,
  pool: true,
  maxConnections: CONNECTIONS,
  maxMessages: Infinity,
});

let octets = 0;

async function send(reader) {
  const sections = letters.sets[reader.set];
  const subject = `${sections[0].papers[0].title} + 11 papers`;
  const values = { reader, sections, subject, day: letters.day };
  const sent = await relay.sendMail({
    from: { name: "Trending Papers", address: "papers@example.org" },
    to: { name: reader.name, address: reader.address },
    subject,
    headers: {
      "List-Unsubscribe": `<https://papers.example.org/unsubscribe/${reader.token}>`,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
    text: text.render("digest.txt", values),
    html: juice(html.render("digest.html", values)),
  });
  octets += sent.messageSize;
}

// As many at a time as there are connections, so that memory stays bounded.
const waiting = letters.readers.slice(0, Number(messages)).values();
await Promise.all(
  Array.from({ length: CONNECTIONS }, async () => {
    for (const reader of waiting) await send(reader);
  }),
);
relay.close();
const { user, system } = process.cpuUsage(used);
const taken = { seconds: (performance.now() - began) / 1000, cpu: (user + system) / 1e6, size: octets / messages };
writeFileSync(report, JSON.stringify(taken));
