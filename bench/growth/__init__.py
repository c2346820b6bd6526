"""Whether the system stays as fast when its history grows a hundredfold."""
