import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { strangerOf } from '../../../src/link/message/stranger.js';

const text = (line: string) => Buffer.from(line, 'latin1');

describe('link/stranger', () => {
  const cases: readonly (readonly [string, Uint8Array, string, string?])[] = [
    ['a web server', text('HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n'), 'http', 'HTTP/1.1 400 Bad Request'],
    ['a web server of old', text('HTTP/1.0 400 Bad request\r\n'), 'http', 'HTTP/1.0 400 Bad request'],
    ['a web server that leaves out the status', text('<html>\r\n<head><title>400'), 'http', '<html>'],
    ['an SSH server', text('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'), 'ssh', 'SSH-2.0-OpenSSH_9.2p1 Debian-2'],
    ['a TLS alert', Buffer.from('15030300020246', 'hex'), 'tls'],
    ['a TLS alert of 1.0', Buffer.from('15030100020246', 'hex'), 'tls'],
    ['a TLS handshake', Buffer.from('160303004a02', 'hex'), 'tls'],
    ['a mail server', text('220 mail.example ESMTP Postfix\r\n'), 'text', '220 mail.example ESMTP Postfix'],
    ['a file server', text('220-Welcome\r\n220 ready\r\n'), 'text', '220-Welcome'],
    ['a mail store', text('* OK IMAP4rev1\r\n'), 'text', '* OK IMAP4rev1'],
    ['a data base', Buffer.from('4a0000000a352e372e33', 'hex'), 'unknown'],
    ['something short', text('no'), 'unknown'],
    ['no TLS of this world', Buffer.from('150400000202', 'hex'), 'unknown'],
    ['no TLS of the years to come', Buffer.from('150305000202', 'hex'), 'unknown'],
    ['TLS 1.3 by its own number', Buffer.from('170304000202', 'hex'), 'tls'],
    ['no record of TLS', Buffer.from('180303000202', 'hex'), 'unknown'],
    ['nothing', new Uint8Array(), 'unknown'],
    ['a web page after an empty line', text('\r\n<!DOCTYPE html>\r\n'), 'http'],
    ['no web page: a text with one in it', text('see <html>\r\n'), 'text', 'see <html>'],
    ['a greeting whose line ends as on Unix', text('ready\n'), 'text', 'ready'],
    ['a greeting without an end', text('ready'), 'text', 'ready'],
    ['an alert cut short', Buffer.from('1503', 'hex'), 'unknown'],
  ];
  for (const [what, bytes, service, said] of cases) {
    it(`knows ${what}`, () => {
      expect(strangerOf(bytes)).to.deep.equal(said === undefined ? { service } : { service, said });
    });
  }

  it('repeats nothing that could move the cursor, whatever was said', () => {
    const said = strangerOf(text('SSH-2.0-\u001b[2J\u009b31mowned\u0007\r\nmore')).said;
    expect(said).to.equal('SSH-2.0-?[2J?31mowned?');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(strangerOf(bytes).said ?? '').to.match(/^[^\p{C}\p{Zl}\p{Zp}]{0,81}$/u);
      }),
    );
    expect(strangerOf(text(`SSH-${'x'.repeat(500)}`)).said).to.have.length(80);
  });
});
