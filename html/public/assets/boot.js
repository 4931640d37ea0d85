// Sets the theme before the first paint; a file of its own because the Content-Security-Policy forbids inline scripts.
(function () {
  try {
    var theme = localStorage.getItem('webviewer.theme');
    if (theme !== 'light' && theme !== 'dark') theme = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
    document.documentElement.setAttribute('data-mantine-color-scheme', theme);
    document.documentElement.style.background = theme === 'light' ? '#F4F6F7' : '#0D1012';
  } catch {
    // Storage is blocked: the page's own default stays.
  }
})();
