"""Facts about each user's filters: matrix, risk, recommendations, forecasts, history, lists of other products."""
