"""The contract of plugins as tests, for everybody who writes one.

A plugin's own test is three lines::

    def test_pca():
        result = check_analysis(pca, gan=tiny_gan(), layer="up8")
        assert result.metrics["explained"].value > result.metrics["explained_untrained"].value

    def test_plugin():
        check_plugin(ganlab_pca)
"""

from ganlab.testing.contract import check_analysis
from ganlab.testing.elsewhere import check_elsewhere
from ganlab.testing.gans import tiny_gan
from ganlab.testing.packaging import check_plugin

__all__ = ["check_analysis", "check_elsewhere", "check_plugin", "tiny_gan"]
