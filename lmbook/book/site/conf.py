"""The configuration that Sphinx reads. Nothing here depends on the day, the machine or the network."""

from lmbook import __version__

project = "lmbook"
author = "the authors of lmbook"
copyright = "the authors of lmbook; Apache License 2.0"
version = release = __version__
html_title = "lmbook"
language = "en"

extensions = [
    "myst_nb",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
    "lmbook.book.site.extension",
]
root_doc = "index"
nitpicky = True  # a reference that leads nowhere is a warning
exclude_patterns = ["lmbook"]
suppress_warnings = ["mystnb.unknown_mime_type", "epub.unknown_project_files"]

# Notebooks are shown as they were recorded; building the site never runs a lesson.
nb_execution_mode = "off"
nb_merge_streams = True
nb_mime_priority_overrides = [("gettext", kind, 100) for kind in ("text/html", "image/png", "image/svg+xml")]
nb_ipywidgets_js = {}  # the scripts of interactive widgets would come from other hosts
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"

myst_enable_extensions = ["amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
myst_update_mathjax = False
myst_dmath_double_inline = True
myst_dmath_allow_space = False  # "$2 and $3" are prices

numfig = True
math_numfig = True
math_eqref_format = "equation {number}"
html_math_renderer = "katex"
bibtex_reference_style = "author_year"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "sphinx_book_theme"
html_theme_options = {
    "use_download_button": False,  # a lesson's page has its downloads in the box at its top
    "use_sidenotes": True,
    "disable_search": True,  # the theme's search; the site has its own
    "footer_content_items": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
html_sidebars = {"**": ["home-link.html", "search-button-field.html", "chapter-nav.html"]}
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False
html_last_updated_fmt = None

epub_show_urls = "no"
epub_exclude_files = ["search.html"]
gettext_compact = False
linkcheck_timeout = 20
