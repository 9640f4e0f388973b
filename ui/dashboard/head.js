// Stands before Streamlit's own script: tells it where it lives (it would try wrong addresses first) and which theme the inspector was left in.
{
  const home = location.origin + "/dashboard";
  window.__streamlit = { BACKEND_BASE_URL: home, HOST_CONFIG_BASE_URL: home, MAIN_PAGE_BASE_URL: home };
  const ours = "gembalens.theme";
  const theirs = `stActiveTheme-${location.pathname}-v2`;
  const kept = () => { try { return localStorage.getItem(ours); } catch { return null; } };
  const wear = (theme) => { try { localStorage.setItem(theirs, JSON.stringify(theme === "dark" ? "Dark" : "Light")); } catch { /* then the system decides */ } };
  if (kept()) wear(kept());
  addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest(".gl-theme");
    if (!button) return;
    event.preventDefault();
    const now = kept() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    try { localStorage.setItem(ours, now === "dark" ? "light" : "dark"); } catch { return; }
    location.reload();
  });
}
