// Makes a SCRAM user of Kafka for each file of a folder: its name is the user's, its content the password. Users that the
// broker knows are left as they are. Kafka's own kafka-configs.sh does the same with a Java process and some seconds for
// each user, and prints the password when it fails; so these two requests are written here, in Kafka's protocol.
//
//   node users.mjs BROKER FOLDER        with the file "admin" in the folder: it logs in by PLAIN
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const [broker, folder] = process.argv.slice(2);
const [host, port] = broker.split(':');
const password = (user) => readFileSync(`${folder}/${user}`, 'utf8').trim();

const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;
const DESCRIBE_USERS = 50;
const ALTER_USERS = 51;
const SCRAM_SHA_512 = 2;
const ITERATIONS = 8192;

const int8 = (value) => Buffer.from([value]);
const int16 = (value) => Buffer.from([value >> 8, value & 255]);
const int32 = (value) => { const bytes = Buffer.alloc(4); bytes.writeInt32BE(value); return bytes; };
const text = (value) => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
// Flexible versions: lengths are unsigned varints, one more than they are, and each structure ends with its tags.
const varint = (value) => (value < 128 ? int8(value) : Buffer.concat([int8((value & 127) | 128), varint(value >>> 7)]));
const compact = (value) => Buffer.concat([varint(Buffer.byteLength(value) + 1), Buffer.from(value)]);
const list = (items) => Buffer.concat([varint(items.length + 1), ...items]);
const noTags = int8(0);

class Reader {
  at = 0;
  constructor(bytes) { this.bytes = bytes; }
  int8() { return this.bytes.readInt8(this.at++); }
  int16() { return this.bytes.readInt16BE((this.at += 2) - 2); }
  int32() { return this.bytes.readInt32BE((this.at += 4) - 4); }
  varint() { const byte = this.bytes[this.at++]; return byte < 128 ? byte : (byte & 127) + this.varint() * 128; }
  compact() { const length = this.varint() - 1; return length < 0 ? '' : this.bytes.toString('utf8', this.at, (this.at += length)); }
  text() { const length = this.int16(); return length < 0 ? '' : this.bytes.toString('utf8', this.at, (this.at += length)); }
  list(item) { return Array.from({ length: this.varint() - 1 }, item); }
  tags() { for (let left = this.varint(); left > 0; left--) { this.varint(); this.at += this.varint(); } }
}

/** A connection that asks one thing after the other. */
async function open() {
  const socket = connect(Number(port), host);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.setTimeout(20_000, () => socket.destroy(new Error('the broker does not answer')));
  let received = Buffer.alloc(0);
  const ask = async (key, version, body, flexible) => {
    const head = Buffer.concat([int16(key), int16(version), int32(1), text('rhei-users'), ...(flexible ? [noTags] : [])]);
    socket.write(Buffer.concat([int32(head.length + body.length), head, body]));
    while (received.length < 4 || received.length < 4 + received.readInt32BE()) {
      received = Buffer.concat([received, await new Promise((resolve, reject) => {
        const ended = () => reject(new Error('the broker closed the connection'));
        socket.once('close', ended).once('error', reject).once('data', (data) => { socket.off('close', ended).off('error', reject); resolve(data); });
      })]);
    }
    const length = received.readInt32BE();
    const reader = new Reader(received.subarray(8, 4 + length));
    received = received.subarray(4 + length);
    if (flexible) reader.tags();
    return reader;
  };
  return { ask, close: () => socket.destroy() };
}

async function logIn(ask) {
  const handshake = (await ask(SASL_HANDSHAKE, 1, text('PLAIN'), false)).int16();
  if (handshake !== 0) throw new Error(`the broker does not take PLAIN at ${broker} (error ${handshake})`);
  const secret = Buffer.from(`\0admin\0${password('admin')}`);
  const answer = await ask(SASL_AUTHENTICATE, 0, Buffer.concat([int32(secret.length), secret]), false);
  if (answer.int16() !== 0) throw new Error(`the broker does not let "admin" in: ${answer.text()}`);
}

async function knownUsers(ask) {
  const answer = await ask(DESCRIBE_USERS, 0, Buffer.concat([int8(0), noTags]), true);
  answer.int32();
  const error = answer.int16();
  const message = answer.compact();
  if (error !== 0) throw new Error(`the users cannot be listed: ${message || error}`);
  return answer.list(() => {
    const user = answer.compact();
    answer.int16();
    answer.compact();
    answer.list(() => { answer.int8(); answer.int32(); answer.tags(); });
    answer.tags();
    return user;
  });
}

async function makeUsers(ask, users) {
  const upsertions = users.map((user) => {
    const salt = randomBytes(32);
    const salted = pbkdf2Sync(password(user), salt, ITERATIONS, 64, 'sha512');
    return Buffer.concat([compact(user), int8(SCRAM_SHA_512), int32(ITERATIONS), compact(salt), compact(salted), noTags]);
  });
  const answer = await ask(ALTER_USERS, 0, Buffer.concat([list([]), list(upsertions), noTags]), true);
  answer.int32();
  for (const [user, error, message] of answer.list(() => { const result = [answer.compact(), answer.int16(), answer.compact()]; answer.tags(); return result; })) {
    if (error !== 0) throw new Error(`the user "${user}" cannot be made: ${message || error}`);
  }
}

for (let attempt = 1; ; attempt++) {
  let connection;
  try {
    connection = await open();
    await logIn(connection.ask);
    const known = await knownUsers(connection.ask);
    const missing = readdirSync(folder).filter((user) => !known.includes(user)).sort();
    if (missing.length > 0) await makeUsers(connection.ask, missing);
    console.log(missing.length === 0 ? `Kafka knows all ${known.length} users.` : `Made the users ${missing.join(', ')}.`);
    connection.close();
    break;
  } catch (error) {
    connection?.close();
    if (attempt === 20) {
      console.error(`The users of Kafka at ${broker} could not be made: ${error.message}.`);
      process.exit(1);
    }
    await pause(500);
  }
}
