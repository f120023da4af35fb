"""
Tests for L{machat.http.messages}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.http.messages import Answer, BadRequest, Request, line, readRequest
from machat.http.origins import Authority


def request(*lines: str) -> Request:
    """
    @return: the request that is read from a head of these lines
    """
    return readRequest("\r\n".join([*lines, "", ""]).encode("latin-1"))


class ReadTests(SynchronousTestCase):
    """
    Tests for L{readRequest}.
    """

    def test_fields(self) -> None:
        """
        Header names are converted to lower case, values are stripped, and repeated headers form a
        list.
        """
        found = request("GET /a/b?c=d HTTP/1.1", "HOST:a:80", "X:  1 \t", "x: 2", "Y:", "Z: \xe4")
        self.assertEqual(found[:4], ("GET", "/a/b", "c=d", Authority("a", 80)))
        self.assertEqual(found.fields, {"host": "a:80", "x": "1, 2", "y": "", "z": "\xe4"})
        self.assertTrue(found.modern)
        self.assertTrue(found.asks("x", "2"))
        self.assertFalse(found.asks("y", "2"))

    def test_old(self) -> None:
        """
        HTTP/1.0 requests need no host.
        """
        found = request("GET / HTTP/1.0")
        self.assertEqual((found.host, found.modern), (None, False))
        self.assertEqual(request("GET / HTTP/1.0", "Host: a").host, Authority("a", None))

    def test_targets(self) -> None:
        """
        A target is a path, a whole URL, whose host then replaces the header's, or C{*} for the
        server as a whole.
        """
        host = "Host: other"
        for target, path, query, name in (
            ("/", "/", "", "other"),
            ("*", "*", "", "other"),
            ("//a", "//a", "", "other"),
            ("http://a:8099/x?y", "/x", "y", "a"),
            ("HTTPS://A", "/", "", "a"),
            ("http://a?y", "/", "y", "a"),
        ):
            found = request(f"OPTIONS {target} HTTP/1.1", host)
            assert found.host is not None
            self.assertEqual((found.path, found.query, found.host.host), (path, query, name))

    def test_bad(self) -> None:
        """
        Each malformed request is refused with its reason.
        """
        get = "GET / HTTP/1.1"
        for status, lines in (
            (400, ("",)),
            (400, ("HELO example",)),
            (400, ("GET /",)),
            (400, ("GET  / HTTP/1.1", "Host: a")),
            (400, ("GET /\x1b[31m HTTP/1.1", "Host: a")),
            (400, ("GET /\xe4 HTTP/1.1", "Host: a")),
            (400, ("GET a HTTP/1.1", "Host: a")),
            (400, ("CONNECT a:443 HTTP/1.1", "Host: a")),
            (400, ("GET http://a@b/ HTTP/1.1", "Host: a")),
            (400, ("GET http:///x HTTP/1.1", "Host: a")),
            (400, (get,)),
            (400, (get, "Host:")),
            (400, (get, "Host: a b")),
            (400, (get, "Host: a", "host: a")),
            (400, (get, "Host: a", "Origin: http://a", "Origin: http://b")),
            (400, (get, "Host: a", "X : 1")),
            (400, (get, "Host: a", " folded: 1")),
            (400, (get, "Host: a", "X: \x00")),
            (400, (get, "Host: a", "X: a\rY: b")),
            (400, (get, "Host: a", "X: a\nY: b")),
            (400, (get, "Host: a", "\x1b]0;x\x07: 1")),
            (505, ("PRI * HTTP/2.0",)),
            (505, ("GET / HTTP/0.9",)),
        ):
            error = self.assertRaises(BadRequest, request, *lines)
            self.assertEqual(error.answer.status, status, lines)
            self.assertRegex(error.answer.body, rb"\A[ -~]+\n\Z")

    @given(st.binary(max_size=200), st.sampled_from([b"", b"GET / HTTP/1.1\r\nHost: a\r\n"]))
    def test_anything(self, data: bytes, before: bytes) -> None:
        """
        Any input is either a request or refused.
        """
        try:
            found = readRequest(before + data + b"\r\n\r\n")
        except BadRequest:
            return
        for value in (found.method, found.path, *found.fields.values()):
            self.assertNotRegex(value, r"[\x00-\x08\x0a-\x1f\x7f]")


class AnswerTests(SynchronousTestCase):
    """
    Tests for L{Answer}.
    """

    def test_encode(self) -> None:
        """
        An answer has a length, unless its status excludes a body; an answer to HEAD has no body.
        """
        answer = line(405, "no", Allow="GET")
        head, _, body = answer.encode("POST").partition(b"\r\n\r\n")
        self.assertEqual(
            head.split(b"\r\n"),
            [
                b"HTTP/1.1 405 Method Not Allowed",
                b"Content-Type: text/plain; charset=utf-8",
                b"X-Content-Type-Options: nosniff",
                b"Cache-Control: no-store",
                b"Allow: GET",
                b"Connection: close",
                b"Content-Length: 3",
            ],
        )
        self.assertEqual(body, b"no\n")
        self.assertEqual(answer.encode("HEAD"), head + b"\r\n\r\n")
        self.assertEqual(
            Answer(204, {"Allow": "GET"}).encode("OPTIONS"),
            b"HTTP/1.1 204 No Content\r\nAllow: GET\r\nConnection: close\r\n\r\n",
        )
