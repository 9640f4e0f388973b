"""Sixty words that would like to be markup: each calls `alert` or asks for /canary when any screen takes it for more than a word. Holds no test."""

from __future__ import annotations

_HTML = (
    "<script>alert('canary')</script>",
    "<SCRIPT SRC=/canary.js></SCRIPT>",
    "<scr<script>ipt>alert('canary')</script>",
    "<script type=module>import('/canary.js')</script>",
    "<img src=/canary>",
    "<img src=x onerror=alert('canary')>",
    "<img/src=x/onerror=alert('canary')>",
    "<IMG SRC=x OnErRoR=alert('canary')>",
    "<img src=x onerror='fetch(`/canary`)'>",
    "<img srcset='/canary 1x'>",
    "<image href=/canary>",
    "<picture><source srcset=/canary><img></picture>",
    "<svg onload=alert('canary')>",
    "<svg/onload=alert('canary')>",
    "<svg><script>alert('canary')</script></svg>",
    "<svg><animate onbegin=alert('canary') attributeName=x dur=1s>",
    "<svg><use href='/canary#x'/></svg>",
    "<svg><image href=/canary></svg>",
    "<math><mtext><script>alert('canary')</script></mtext></math>",
    "<math><a xlink:href=javascript:alert('canary')>x</a></math>",
    "<iframe src=/canary></iframe>",
    "<iframe srcdoc=\"<script>parent.alert('canary')</script>\">",
    "<iframe src=javascript:alert('canary')>",
    "<object data=/canary></object>",
    "<embed src=/canary>",
    "<link rel=stylesheet href=/canary.css>",
    "<link rel=prefetch href=/canary>",
    "<style>@import '/canary.css';</style>",
    "<style>*{background:url(/canary)}</style>",
    "<div style='background:url(/canary)'>x</div>",
    "<base href=//canary.example/>",
    "<meta http-equiv=refresh content='0;url=/canary'>",
    "<form action=/canary><button autofocus>x</button></form>",
    "<input autofocus onfocus=alert('canary')>",
    "<details open ontoggle=alert('canary')>x</details>",
    "<video src=/canary autoplay></video>",
    "<video><source onerror=alert('canary')></video>",
    "<audio src=/canary onerror=alert('canary')>",
    "<body onload=alert('canary')>",
    "<marquee onstart=alert('canary')>x</marquee>",
    "<a href=javascript:alert('canary')>x</a>",
    "<a href=//canary.example ping=/canary>x</a>",
    "<canary-box onpointerover=alert('canary')>x</canary-box>",
    "</textarea><script>alert('canary')</script>",
    "</title><script>alert('canary')</script>",
    "</script><script>alert('canary')</script>",
    "\"><img src=x onerror=alert('canary')>",
    "'><img src=x onerror=alert('canary')>",
    "\" onmouseover=\"alert('canary')",
    "' autofocus onfocus='alert(`canary`)",
    "--><img src=/canary>",
    "<![CDATA[><img src=/canary>]]>",
    "&lt;img src=/canary&gt;",
    "\\u003cimg src=/canary\\u003e",
)

_TEMPLATES = (
    "{{constructor.constructor(\"alert('canary')\")()}}",
    "${alert('canary')}",
    "![canary](/canary)",
    "[canary](javascript:alert('canary'))",
    "$\\href{javascript:alert('canary')}{x}$",
    "```mermaid\nclick A alert('canary')",
)

MARKUP = _HTML + _TEMPLATES

ACTIVE = """() => {
  const acts = ["src", "href", "xlink:href", "action", "formaction", "srcdoc", "srcset", "style", "data", "ping", "poster", "content", "background"];
  const found = [];
  const leads = (name, value) => {  // an address of ours that carries a word in its query leads nowhere
    if (!["src", "href", "xlink:href", "action", "formaction", "data", "poster"].includes(name)) return true;
    const { origin, pathname } = new URL(value, location.href);
    return origin !== location.origin || pathname.includes("canary");
  };
  const look = (root) => {
    for (const each of root.querySelectorAll("*")) {
      if (each.localName.startsWith("canary") || (["script", "style"].includes(each.localName) && each.textContent.includes("canary"))) found.push(each.outerHTML.slice(0, 200));
      for (const { name, value } of each.attributes) if ((name.startsWith("on") || acts.includes(name)) && value.includes("canary") && leads(name, value)) found.push(`${each.localName} ${name}=${value}`.slice(0, 200));
      if (each.shadowRoot) look(each.shadowRoot);
    }
  };
  look(document);
  return found;
}"""
"""For a page: the elements and attributes that one of these words has become."""
